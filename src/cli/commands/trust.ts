import { existsSync } from 'node:fs';
import path from 'node:path';
import { escapeLine } from '../../host/index.ts';
import { distrustProject } from '../../trust/index.ts';
import { type Command, type Context, flag } from '../command.ts';
import { loadProject } from '../project-config.ts';
import { confirm, projectFolder } from '../project-files.ts';
import { confirmTrustFile, TRUST_FILE, type TrustFile } from '../template/trust-file.ts';

export const trust: Command = {
  name: 'trust',
  group: 'Look',
  about: "confirm this folder's vmgate.yaml and vmgate.trust",
  kind: 'action',
  options: [{ flags: '--revoke', about: "take this folder's confirmation back" }],
  notes: ['A file that changes afterwards needs a new confirmation before vmgate up uses it.'],
  examples: ['vmgate trust', 'vmgate trust --revoke'],
  run: async (context, input) => {
    if (flag(input, 'revoke')) return revoke(context);
    const home = context.home();
    const signers = await confirmTrustFile(home, context.cwd);
    if (signers !== undefined && !existsSync(path.join(context.cwd, 'vmgate.yaml'))) {
      context.out.result({ folder: context.cwd, signers: shown(signers), confirmed: true }, signersText(signers));
      return 0;
    }
    const loaded = await loadProject(context.cwd, home);
    const files = loaded.sources.map(({ path: file, digest }) => ({ path: file, digest }));
    if (loaded.origin === 'home') {
      context.out.result({ folder: home.root, files, confirmed: true, already: true }, OWN(loaded.path));
      return 0;
    }
    const already = !(await confirm(home, loaded));
    const { vpn, gate, work, verify } = loaded.config;
    const lines = [
      ...files.map(({ path: file, digest }) => `${escapeLine(file)}\n  ${digest}`),
      `gate ${gate}, VPN ${vpn}, work VMs: ${work.map(({ name }) => name).join(', ') || 'none'}`,
      `exit: ${verify.exit === undefined ? 'no address expected' : `expected, asked at ${escapeLine(verify.exit.url)}`}`,
      ...(signers === undefined ? [] : [signersText(signers)]),
      already ? 'confirmed already' : 'confirmed; after any change: vmgate trust',
    ];
    context.out.result(
      { folder: projectFolder(loaded), files, confirmed: true, already, signers: shown(signers) },
      lines.join('\n'),
    );
    return 0;
  },
};

function shown(file: TrustFile | undefined) {
  return (file?.signers ?? []).map(({ fingerprint, repositories }) => ({ fingerprint, repositories }));
}

function signersText({ signers }: TrustFile): string {
  const lines = signers.map(({ fingerprint, repositories, comment }) =>
    escapeLine(`  ${fingerprint} ${comment} may sign for ${repositories.join(', ')}`),
  );
  return [`${TRUST_FILE} confirmed:`, ...lines].join('\n');
}

const OWN = (file: string) => `${escapeLine(file)} is your own: it needs no confirmation`;

/** Works for a folder whose file is gone or broken, too. */
async function revoke(context: Context): Promise<number> {
  const { trusted } = context.home();
  await distrustProject(trusted, context.cwd);
  await distrustProject(trusted, path.join(context.cwd, TRUST_FILE));
  context.out.result({ folder: context.cwd, confirmed: false }, `${escapeLine(context.cwd)} is no longer confirmed`);
  return 0;
}
