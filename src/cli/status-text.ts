/** A status report in plain words: the answer first, then why, then what it stands on. And the answer alone, in one line. */
import path from 'node:path';
import { bytesText, countText, spanText } from '../core/amounts.ts';
import { escapeLine } from '../host/index.ts';
import type { StatusReport } from '../supervisor/index.ts';
import { claimText } from './verdict-table.ts';

/** `nowMs`: since the epoch. */
export function describeStatus(report: StatusReport, nowMs: number): string {
  return [
    headline(report, nowMs),
    ...why(report),
    ...tunnel(report),
    ...work(report),
    ...host(report),
    ...denied(report),
    ...traffic(report),
    ...uplink(report),
    ...lastEvent(report),
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
  portal: 'CLOSED behind a portal of the local network; it goes on by itself once somebody has signed in',
  'sign-in': 'CLOSED, somebody signs in to a portal: nothing else is let out',
  open: 'OPEN',
  closing: 'CLOSED, it is just closing',
  violated: 'VIOLATED. Something that is not the VPN tried to leave; everything is shut',
  stopping: 'going down',
};

/** For prompts and bars: `default OPEN 203.0.113.9`, `default CLOSED connecting`, `default VIOLATED`, `default down`. */
export function statusLine({ gate, phase, claim }: StatusReport): string {
  switch (phase) {
    case 'open':
      return claim?.kind === 'address' ? `${gate} OPEN ${escapeLine(claim.address, 64)}` : `${gate} OPEN`;
    case 'closed':
      return `${gate} CLOSED`;
    case 'violated':
      return `${gate} VIOLATED`;
    case 'down':
      return `${gate} down`;
    default:
      return `${gate} CLOSED ${escapeLine(phase, 32)}`;
  }
}

function headline({ gate, phase, since }: StatusReport, nowMs: number): string {
  return `gate ${gate} is ${MEANING[phase] ?? escapeLine(phase)}${when(since, nowMs)}`;
}

/** A clock that was set back makes no negative age. */
function when(since: string, nowMs: number): string {
  const began = Date.parse(since);
  if (Number.isNaN(began)) return '';
  const age = nowMs - began;
  // From yesterday on, the time of day alone says too little.
  const at = age < 12 * 3_600_000 ? since.slice(11, 19) : since.slice(0, 16).replace('T', ' ');
  return ` (since ${at} UTC, ${spanText(age)})`;
}

function why({ why: reason }: StatusReport): readonly string[] {
  return reason === '' ? [] : [`  why      ${escapeLine(reason)}`];
}

function tunnel({ vpn, claim, receipt }: StatusReport): readonly string[] {
  if (vpn === null) return [];
  const server = vpn.endpoint === '' ? '' : `, server ${escapeLine(vpn.endpoint)}`;
  const proven = receipt === null ? [] : [`  proven   ${claimText(claim)}; good for ${seconds(receipt.expiresInMs)}`];
  const { order = [], because, through = [] } = vpn;
  if (through.length > 0) return [...chain([...through, vpn]), ...proven];
  const place =
    order.length > 1 ? `, ${order.indexOf(vpn.profile) + 1} of ${order.length} (${escapeLine(order.join(', '))})` : '';
  const instead = because === undefined ? [] : [`  instead  the one before failed: ${escapeLine(because)}`];
  return [`  vpn      ${escapeLine(vpn.profile)}${place}${server}`, ...instead, ...proven];
}

type Hop = Pick<NonNullable<StatusReport['vpn']>, 'profile' | 'endpoint'>;

/** The outermost first. */
function chain(hops: readonly Hop[]): readonly string[] {
  const names = hops.map(({ profile }) => escapeLine(profile));
  return [
    `  vpn      ${names.join(', then inside it ')}`,
    ...hops.map(({ endpoint }, index) => {
      const server = endpoint === '' ? 'not connected yet' : `server ${escapeLine(endpoint)}`;
      return `  hop ${index + 1}    ${names[index]}, ${server}`;
    }),
  ];
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1_000))} s more unless renewed`;
}

function work({ work: vms }: StatusReport): readonly string[] {
  return vms.map(({ name, status, linkUp, address, display = 'none' }) => {
    const link =
      status === 'stopped' ? '' : linkUp ? `, wire up, ${escapeLine(address)}` : ', wire DOWN: it reaches nothing';
    return `  work VM  ${escapeLine(name)}: ${escapeLine(status)}${link}${screen(display, status)}`;
  });
}

function screen(display: 'none' | 'window' | 'vnc', status: string): string {
  if (display === 'none' || status === 'stopped') return '';
  return display === 'vnc' ? ', screen: vmgate view' : ', screen: its own window';
}

function host({ host: seen }: StatusReport): readonly string[] {
  if (seen === null || seen.listeners + seen.connections === 0) return [];
  const { listeners, connections } = seen;
  const listening = countText(listeners, 'proxy or forward', 'proxies and forwards');
  return [`  host     ${listening} of this machine, ${countText(connections, 'connection')} through the gate`];
}

function denied({ denied: rules = [] }: StatusReport): readonly string[] {
  return rules.map(({ work: name, file, line, otherwise, packets }) => {
    const place = `${escapeLine(path.basename(file))}:${line}`;
    const by = otherwise ? `no rule of ${place} allows them` : `by ${place}`;
    return `  denied   ${escapeLine(name)}: ${countText(packets, 'packet')}, ${by}`;
  });
}

function traffic({ traffic: seen }: StatusReport): readonly string[] {
  if (seen === null) return [];
  const { outBytes, inBytes, blocked, held } = seen;
  const closed = held === 0 ? '' : `; ${countText(held, 'frame')} of the VPN while it was closed`;
  return [
    `  tunnel   ${bytesText(outBytes)} out, ${bytesText(inBytes)} in`,
    `  blocked  ${countText(blocked, 'foreign frame')}${closed}`,
  ];
}

function uplink({ uplink: seen }: StatusReport): readonly string[] {
  if (seen === null) return [];
  const passed = Object.entries(seen.passed).flatMap(([kind, { frames }]) =>
    frames === 0 ? [] : [`${escapeLine(kind)} ${frames}`],
  );
  return [`  uplink   left: ${passed.length === 0 ? 'nothing' : passed.join(', ')}`];
}

function lastEvent({ lastEvent: event }: StatusReport): readonly string[] {
  if (event === null) return [];
  return [`  last     ${escapeLine(event.at.slice(11, 19), 8)} UTC ${escapeLine(event.text, 200)}`];
}

function next({ phase, work: vms }: StatusReport): readonly string[] {
  const [idle] = vms.filter(({ status }) => status === 'stopped');
  if (phase === 'violated') return ['  next     vmgate evidence, then vmgate up'];
  if (phase === 'down') return ['  next     vmgate up'];
  if (phase === 'portal') return ["  next     vmgate portal, or sign in with this machine's own browser"];
  if (phase !== 'open') return ['  next     vmgate up waits for it; vmgate down gives up'];
  return idle === undefined ? [] : [`  next     vmgate start ${escapeLine(idle.name)}`];
}

/** Events are dropped by a full disk alone; of a flood of frames only the first of each second are kept. */
function unwrittenText(events: number, frames: number): string {
  const told = [
    ...(events > 0 ? [`${countText(events, 'event')} of the journal`] : []),
    ...(frames > 0 ? [countText(frames, 'blocked frame')] : []),
  ];
  return `${told.join(', ')}: ${events > 0 ? 'the disk is full' : 'too many at once, or the disk is full'}`;
}

function notices({ config, ignoredEnvironment, unwritten }: StatusReport): readonly string[] {
  const { events, frames } = unwritten;
  return [
    ...(config?.changed === true ? ['  note     vmgate.yaml has changed; vmgate up applies it'] : []),
    ...(events + frames > 0 ? [`  note     not written down: ${unwrittenText(events, frames)}`] : []),
    ...(ignoredEnvironment.length > 0
      ? [`  note     ignored environment: ${ignoredEnvironment.map((name) => escapeLine(name)).join(', ')}`]
      : []),
  ];
}
