/** Every command by name, each loaded only when it is the one that was typed (or when help shows them all). */
import type { Command } from './command.ts';

type Load = () => Promise<Command>;

export const CATALOG: Readonly<Record<string, Load>> = {
  up: async () => (await import('./commands/up.ts')).up,
  start: async () => (await import('./commands/start.ts')).start,
  ssh: async () => (await import('./commands/ssh.ts')).ssh,
  stop: async () => (await import('./commands/stop.ts')).stop,
  down: async () => (await import('./commands/down.ts')).down,
  status: async () => (await import('./commands/status.ts')).status,
  verify: async () => (await import('./commands/verify.ts')).verify,
  demo: async () => (await import('./commands/demo.ts')).demo,
  drill: async () => (await import('./commands/drill.ts')).drill,
  logs: async () => (await import('./commands/logs.ts')).logs,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  'ssh-config': async () => (await import('./commands/ssh-config.ts')).sshConfig,
  console: async () => (await import('./commands/console.ts')).consoleCommand,
  view: async () => (await import('./commands/view.ts')).view,
  forward: async () => (await import('./commands/forward.ts')).forward,
  proxy: async () => (await import('./commands/proxy.ts')).proxy,
  portal: async () => (await import('./commands/portal.ts')).portal,
  'vm ls': async () => (await import('./commands/vm-ls.ts')).vmLs,
  'vm import': async () => (await import('./commands/vm-import.ts')).vmImport,
  'vm reset': async () => (await import('./commands/vm-reset.ts')).vmReset,
  'vm rebuild': async () => (await import('./commands/vm-rebuild.ts')).vmRebuild,
  'vm snapshot': async () => (await import('./commands/vm-snapshot.ts')).vmSnapshot,
  'vm clone': async () => (await import('./commands/vm-clone.ts')).vmClone,
  'vm resize': async () => (await import('./commands/vm-resize.ts')).vmResize,
  'vm rm': async () => (await import('./commands/vm-rm.ts')).vmRm,
  init: async () => (await import('./commands/init.ts')).init,
  'vpn add': async () => (await import('./commands/vpn-add.ts')).vpnAdd,
  'vpn request': async () => (await import('./commands/vpn-request.ts')).vpnRequest,
  'vpn list': async () => (await import('./commands/vpn-list.ts')).vpnList,
  'vpn show': async () => (await import('./commands/vpn-show.ts')).vpnShow,
  'vpn remove': async () => (await import('./commands/vpn-remove.ts')).vpnRemove,
  'policy show': async () => (await import('./commands/policy-show.ts')).policyShow,
  'policy explain': async () => (await import('./commands/policy-explain.ts')).policyExplain,
  'image build': async () => (await import('./commands/image-build.ts')).imageBuild,
  'image import': async () => (await import('./commands/image-import.ts')).imageImport,
  'image list': async () => (await import('./commands/image-list.ts')).imageList,
  'image push': async () => (await import('./commands/image-push.ts')).imagePush,
  'image pull': async () => (await import('./commands/image-pull.ts')).imagePull,
  'image prune': async () => (await import('./commands/image-prune.ts')).imagePrune,
  'template push': async () => (await import('./commands/template-push.ts')).templatePush,
  'template pull': async () => (await import('./commands/template-pull.ts')).templatePull,
  'template sign': async () => (await import('./commands/template-sign.ts')).templateSign,
  'template verify': async () => (await import('./commands/template-verify.ts')).templateVerify,
  'template diff': async () => (await import('./commands/template-diff.ts')).templateDiff,
  'template update': async () => (await import('./commands/template-update.ts')).templateUpdate,
  'template export': async () => (await import('./commands/template-export.ts')).templateExport,
  'template import': async () => (await import('./commands/template-import.ts')).templateImport,
  'template new': async () => (await import('./commands/template-new.ts')).templateNew,
  'template validate': async () => (await import('./commands/template-validate.ts')).templateValidate,
  'template show': async () => (await import('./commands/template-show.ts')).templateShow,
  'template list': async () => (await import('./commands/template-list.ts')).templateList,
  trust: async () => (await import('./commands/trust.ts')).trust,
  'receipt show': async () => (await import('./commands/receipt-show.ts')).receiptShow,
  'receipt check': async () => (await import('./commands/receipt-check.ts')).receiptCheck,
  evidence: async () => (await import('./commands/evidence.ts')).evidence,
  schema: async () => (await import('./commands/schema.ts')).schema,
  completion: async () => (await import('./commands/completion.ts')).completion,
};

/** The command that `argv` names (two words first), or undefined. */
export function nameOf(argv: readonly string[]): string | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  const two = words.slice(0, 2).join(' ');
  if (Object.hasOwn(CATALOG, two)) return two;
  const [one = ''] = words;
  return Object.hasOwn(CATALOG, one) ? one : undefined;
}
