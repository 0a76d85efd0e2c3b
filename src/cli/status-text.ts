/** A status report in plain words: the answer first, then why, then what it stands on. */
import { escapeLine } from '../host/index.ts';
import type { StatusReport } from '../supervisor/index.ts';

export function describeStatus(report: StatusReport): string {
  return [headline(report), ...vpn(report), ...work(report), ...uplink(report), ...notices(report)].join('\n');
}

function headline({ gate, phase, why, claim, since }: StatusReport): string {
  const state = phase === 'open' ? 'OPEN' : phase;
  const claimed =
    claim === null
      ? ''
      : claim.kind === 'address'
        ? `, exit address ${claim.address}`
        : ', round trip through the tunnel';
  const when = since === '' ? '' : ` since ${since.slice(11, 19)} UTC`;
  const reason = why === '' ? '' : `\n  why      ${escapeLine(why)}`;
  return `gate ${gate}: ${state}${when}${claimed}${reason}`;
}

function vpn({ vpn: found }: StatusReport): readonly string[] {
  if (found === null) return [];
  return [`  vpn      ${found.profile}${found.endpoint === '' ? '' : `, server ${found.endpoint}`}`];
}

function work({ work: vms }: StatusReport): readonly string[] {
  return vms.map(({ name, status, linkUp, address }) => {
    const link = status === 'stopped' ? '' : linkUp ? `, wire up, ${address}` : ', wire down';
    return `  work VM  ${name}: ${status}${link}`;
  });
}

function uplink({ uplink: seen }: StatusReport): readonly string[] {
  if (seen === null) return [];
  const passed = Object.entries(seen.passed).map(([kind, { frames }]) => `${kind} ${frames}`);
  return [`  uplink   left: ${passed.length === 0 ? 'nothing' : passed.join(', ')}; blocked: ${seen.foreign} foreign`];
}

function notices({ config, ignoredEnvironment }: StatusReport): readonly string[] {
  return [
    ...(config?.changed === true ? ['  note     vmgate.yaml has changed; vmgate up applies it'] : []),
    ...(ignoredEnvironment.length > 0
      ? [`  note     ignored environment: ${ignoredEnvironment.map((name) => escapeLine(name)).join(', ')}`]
      : []),
  ];
}
