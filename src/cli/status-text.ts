/** A status report in plain words: the answer first, then why, then what it stands on. */
import { escapeLine } from '../host/index.ts';
import type { StatusReport } from '../supervisor/index.ts';
import { claimText } from './verdict-table.ts';

export function describeStatus(report: StatusReport): string {
  return [
    headline(report),
    ...why(report),
    ...tunnel(report),
    ...work(report),
    ...uplink(report),
    ...next(report),
    ...notices(report),
  ].join('\n');
}

/** What each phase means to somebody who waits for it. */
const MEANING: Readonly<Record<string, string>> = {
  down: 'down. Nothing runs, nothing can leave',
  booting: 'CLOSED, its gateway is booting',
  closed: 'CLOSED, it tries again by itself',
  addressing: 'CLOSED, the local network is asked for an address',
  connecting: 'CLOSED, the VPN is connecting',
  verifying: 'CLOSED, the tunnel is being verified',
  open: 'OPEN',
  closing: 'CLOSED, it is just closing',
  violated: 'VIOLATED. Something that is not the VPN tried to leave; everything is shut',
  stopping: 'going down',
};

function headline({ gate, phase, since }: StatusReport): string {
  const when = since === '' ? '' : ` (since ${escapeLine(since.slice(11, 19))} UTC)`;
  return `gate ${gate} is ${MEANING[phase] ?? escapeLine(phase)}${when}`;
}

function why({ why: reason }: StatusReport): readonly string[] {
  return reason === '' ? [] : [`  why      ${escapeLine(reason)}`];
}

function tunnel({ vpn, claim, receipt }: StatusReport): readonly string[] {
  if (vpn === null) return [];
  const server = vpn.endpoint === '' ? '' : `, server ${escapeLine(vpn.endpoint)}`;
  const proven = receipt === null ? [] : [`  proven   ${claimText(claim)}; good for ${seconds(receipt.expiresInMs)}`];
  return [`  vpn      ${escapeLine(vpn.profile)}${server}`, ...proven];
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1_000))} s more unless renewed`;
}

function work({ work: vms }: StatusReport): readonly string[] {
  return vms.map(({ name, status, linkUp, address }) => {
    const link =
      status === 'stopped' ? '' : linkUp ? `, wire up, ${escapeLine(address)}` : ', wire DOWN: it reaches nothing';
    return `  work VM  ${escapeLine(name)}: ${escapeLine(status)}${link}`;
  });
}

function uplink({ uplink: seen }: StatusReport): readonly string[] {
  if (seen === null) return [];
  const passed = Object.entries(seen.passed).map(([kind, { frames }]) => `${escapeLine(kind)} ${frames}`);
  return [
    `  uplink   left: ${passed.length === 0 ? 'nothing' : passed.join(', ')}; foreign frames stopped: ${seen.foreign}`,
  ];
}

function next({ phase, work: vms }: StatusReport): readonly string[] {
  const [idle] = vms.filter(({ status }) => status === 'stopped');
  if (phase === 'down' || phase === 'violated') return ['  next     vmgate up'];
  if (phase !== 'open') return ['  next     vmgate up waits for it; vmgate down gives up'];
  return idle === undefined ? [] : [`  next     vmgate start ${escapeLine(idle.name)}`];
}

function notices({ config, ignoredEnvironment }: StatusReport): readonly string[] {
  return [
    ...(config?.changed === true ? ['  note     vmgate.yaml has changed; vmgate up applies it'] : []),
    ...(ignoredEnvironment.length > 0
      ? [`  note     ignored environment: ${ignoredEnvironment.map((name) => escapeLine(name)).join(', ')}`]
      : []),
  ];
}
