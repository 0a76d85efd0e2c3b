/** Work VMs' rules for people: the table, and one answer with the rule that decides. */
import path from 'node:path';
import type { EgressPlaces, LoadedConfig, Place, WorkConfig } from '../config/index.ts';
import { compileTable, type Decider, describeRule, judgeByTable } from '../core/policy/index.ts';
import { escapeLine } from '../host/index.ts';
import { type Asked, isItself } from './policy-destination.ts';
import { textTable } from './text-table.ts';

const DNS_PORT = 53;

function placeText({ file, line }: Place): string {
  return `${escapeLine(path.basename(file))}:${line}`;
}

/** The rules of one work VM, each with the place it is written at. */
export function rulesText({ name, egress, peers }: WorkConfig, places: EgressPlaces | undefined): string {
  const end = peers.length === 0 ? [] : [`  may connect to ${peers.join(', ')}, and is answered`];
  if (egress === undefined) {
    return [`work VM ${name} reaches everything through the tunnel: it has no egress rules`, ...end].join('\n');
  }
  const otherwise =
    egress.otherwise === 'allow' ? 'everything but what a rule denies' : 'nothing but what a rule allows';
  const rows = egress.rules.map((rule, index) => {
    const place = places?.rules[index];
    return [place === undefined ? '' : placeText(place), ...describeRule(rule)].map((cell) => escapeLine(cell));
  });
  const table = textTable([['rule', 'action', 'to', 'protocol', 'port'], ...rows]).replaceAll(/^/gm, '  ');
  return [
    `work VM ${name} reaches ${otherwise}; the first rule that fits decides`,
    ...(rows.length === 0 ? [] : [table]),
    ...end,
  ].join('\n');
}

export interface Explanation {
  readonly vm: string;
  readonly destination: string;
  readonly verdict: 'allow' | 'deny' | 'depends';
  /** In order; several where it depends. `place` is null for what no rule says. */
  readonly by: readonly { readonly action: 'allow' | 'deny'; readonly place: Place | null; readonly says: string }[];
  /** What the answer takes for granted or cannot know. */
  readonly notes: readonly string[];
}

export function explain({ name, egress }: WorkConfig, asked: Asked, { egressPlaces }: LoadedConfig): Explanation {
  const { destination, written } = asked;
  const answer = { vm: name, destination: written };
  if (isItself(destination)) {
    const says = `that is ${name} itself: it never leaves the VM, and no rule and no tunnel has to do with it`;
    return { ...answer, verdict: 'allow', by: [{ action: 'allow', place: null, says }], notes: [] };
  }
  if (destination.port === DNS_PORT && (destination.protocol === 'udp' || destination.protocol === 'tcp')) {
    const says = "the gateway's resolver answers every question to port 53, whoever is asked";
    return { ...answer, verdict: 'allow', by: [{ action: 'allow', place: null, says }], notes: [] };
  }
  if (egress === undefined) {
    const says = `work VM ${name} has no egress rules`;
    const notes = [...only6(asked), ONLY_OPEN];
    return { ...answer, verdict: 'allow', by: [{ action: 'allow', place: null, says }], notes };
  }
  const places = egressPlaces[name];
  const { verdict, deciders } = judgeByTable(compileTable(egress), destination);
  const says = (decider: Decider) => {
    if (decider === 'port 0') return 'port 0 is nobody’s';
    if (decider === 'rest') return egress.otherwise === 'allow' ? 'no rule denies it' : 'no rule allows it';
    const rule = egress.rules[decider];
    return rule === undefined ? '' : ruleSentence(describeRule(rule));
  };
  const named = deciders.some(
    ({ decider }) => typeof decider === 'number' && egress.rules[decider]?.to.kind === 'name',
  );
  return {
    ...answer,
    verdict,
    by: deciders.map(({ decider, action }) => ({
      action,
      place: (typeof decider === 'number' ? places?.rules[decider] : places?.whole) ?? null,
      says: says(decider),
    })),
    notes: [
      ...(verdict === 'depends' ? openQuestions(asked) : []),
      ...(named ? ['a name means the addresses it was answered with in the last 10 minutes, asked by a work VM'] : []),
      ...(verdict === 'deny' ? [] : [...only6(asked), ONLY_OPEN]),
    ],
  };
}

/** The configuration says nothing of the tunnel. */
function only6({ isIpv6 }: Asked): readonly string[] {
  return isIpv6 ? ['over IPv6 only where the VPN has IPv6 (vmgate vpn show); elsewhere it is refused at once'] : [];
}

const ONLY_OPEN = 'through the tunnel, while the gate is open';

function ruleSentence([action = '', to = '', protocol = '', port = '']: readonly string[]): string {
  const what = protocol === 'any' ? 'anything' : protocol;
  return `${action} ${what} to ${to}${port === 'any' ? '' : `, port ${port}`}`;
}

function openQuestions({ destination: { address, name, protocol, port } }: Asked): readonly string[] {
  const open = [
    ...(address === undefined && name !== undefined ? [`which addresses ${name} has`] : []),
    ...(address !== undefined ? ['which names were answered with that address'] : []),
    ...(protocol === undefined ? ['the protocol'] : []),
    ...(port === undefined && protocol !== 'icmp' ? ['the port'] : []),
  ];
  return [`it depends on ${open.join(', ')}`];
}

export function explanationText({ vm, destination, verdict, by, notes }: Explanation): string {
  const words = { allow: 'ALLOWED', deny: 'DENIED', depends: 'IT DEPENDS' } as const;
  return [
    `${words[verdict]}: ${vm} to ${escapeLine(destination)}`,
    ...by.map(({ place, says }) => `  ${place === null ? 'always' : placeText(place)}: ${escapeLine(says)}`),
    ...notes.map((note) => `  ${escapeLine(note)}`),
  ].join('\n');
}
