/**
 * One work VM's rules as a table: what fits, what follows, which rule says so. Judges a packet, and a question in which
 * something is left open (a name without its address, no port): then it says on what the answer depends.
 */
import { type IpRange, type IpValue, inRange, ipRange } from '../ip-range.ts';
import {
  type EgressRule,
  isBelow,
  mayBeNamed,
  type PortRange,
  type RuleAction,
  type RuleProtocol,
  type WorkEgress,
} from './work-egress.ts';

/** Which part of the policy decides: a rule by its place (from 0), what is done otherwise, or port 0, which is nobody's. */
export type Decider = number | 'rest' | 'port 0';

export interface TableRow {
  readonly decider: Decider;
  readonly action: RuleAction;
  /** Undefined: any address. */
  readonly addresses: IpRange | undefined;
  readonly name: { readonly name: string; readonly allowPrivate: boolean } | undefined;
  readonly protocols: readonly RuleProtocol[];
  readonly ports: readonly PortRange[];
}

/** What somebody wants to reach. What is undefined is not known. */
export interface Destination {
  readonly address: IpValue | undefined;
  /** Lower-case. */
  readonly name: string | undefined;
  /** `icmp` is ICMPv6 too. `other`: anything that is neither TCP, UDP nor ICMP. */
  readonly protocol: RuleProtocol | 'other' | undefined;
  readonly port: number | undefined;
}

export interface TableVerdict {
  readonly verdict: RuleAction | 'depends';
  /** In order: rules that may decide, the last for certain. One, unless it depends. */
  readonly deciders: readonly { readonly decider: Decider; readonly action: RuleAction }[];
}

type Match = 'yes' | 'no' | 'maybe';

/** The last row fits everything. */
export function compileTable({ rules, otherwise }: WorkEgress): readonly TableRow[] {
  const open = { addresses: undefined, name: undefined, protocols: [], ports: [] };
  return [
    { ...open, decider: 'port 0', action: 'deny', protocols: ['tcp', 'udp'], ports: [{ first: 0, last: 0 }] },
    ...rules.map((rule, decider) => ({ decider, ...rowOf(rule) })),
    { ...open, decider: 'rest', action: otherwise },
  ];
}

function rowOf({ action, to, protocols, ports }: EgressRule): Omit<TableRow, 'decider'> {
  return {
    action,
    addresses: to.kind === 'prefix' ? ipRange(to.prefix) : undefined,
    name: to.kind === 'name' ? to : undefined,
    protocols: ports.length > 0 && protocols.length === 0 ? ['tcp', 'udp'] : protocols,
    ports,
  };
}

/**
 * `isNamed`: whether an address is known to be among the answers for a name now; undefined where that is not known.
 */
export function judgeByTable(
  table: readonly TableRow[],
  destination: Destination,
  isNamed?: (address: IpValue, name: string) => boolean,
): TableVerdict {
  const deciders: { decider: Decider; action: RuleAction }[] = [];
  for (const row of table) {
    const { decider, action } = row;
    const match = all([byAddress(row, destination, isNamed), byProtocol(row, destination), byPort(row, destination)]);
    if (match !== 'no') deciders.push({ decider, action });
    if (match === 'yes') break;
  }
  const last = deciders.at(-1) ?? { decider: 'rest', action: 'deny' };
  // A rule that may fit and says the same as the one that certainly does changes nothing.
  const same = deciders.every(({ action }) => action === last.action);
  return same ? { verdict: last.action, deciders: deciders.slice(-1) } : { verdict: 'depends', deciders };
}

function all(matches: readonly Match[]): Match {
  if (matches.includes('no')) return 'no';
  return matches.includes('maybe') ? 'maybe' : 'yes';
}

function byAddress(
  { addresses, name }: TableRow,
  destination: Destination,
  isNamed: ((address: IpValue, name: string) => boolean) | undefined,
): Match {
  const { address } = destination;
  if (addresses !== undefined) {
    if (address === undefined) return 'maybe';
    return inRange(address, addresses) ? 'yes' : 'no';
  }
  if (name === undefined) return 'yes';
  // Of a name that is below the rule's, every address it is answered with fits; of another, perhaps the same ones.
  if (address === undefined) {
    return destination.name !== undefined && isBelow(destination.name, name.name) ? 'yes' : 'maybe';
  }
  if (!mayBeNamed(address, name.allowPrivate)) return 'no';
  if (isNamed === undefined) return 'maybe';
  return isNamed(address, name.name) ? 'yes' : 'no';
}

function byProtocol({ protocols }: TableRow, { protocol }: Destination): Match {
  if (protocols.length === 0) return 'yes';
  if (protocol === undefined) return 'maybe';
  return protocol !== 'other' && protocols.includes(protocol) ? 'yes' : 'no';
}

function byPort({ ports, decider }: TableRow, { port, protocol }: Destination): Match {
  if (ports.length === 0) return 'yes';
  if (protocol === 'icmp' || protocol === 'other') return 'no';
  // Nobody who leaves the port open means port 0.
  if (port === undefined) return decider === 'port 0' ? 'no' : 'maybe';
  return ports.some(({ first, last }) => first <= port && port <= last) ? 'yes' : 'no';
}

/** The cells of a row in words: action, where to, protocols, ports. */
export function describeRule({ action, to, protocols, ports }: EgressRule): readonly string[] {
  return [
    action,
    targetText(to),
    protocols.length === 0 && ports.length === 0 ? 'any' : protocolText(protocols),
    portText(ports),
  ];
}

function targetText(to: EgressRule['to']): string {
  switch (to.kind) {
    case 'anywhere':
      return 'anywhere';
    case 'prefix':
      return to.prefix;
    case 'name':
      return `${to.name} and names below${to.allowPrivate ? ', private addresses too' : ''}`;
  }
}

function protocolText(protocols: readonly RuleProtocol[]): string {
  return (protocols.length === 0 ? ['tcp', 'udp'] : protocols).join(', ');
}

function portText(ports: readonly PortRange[]): string {
  if (ports.length === 0) return 'any';
  return ports.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}
