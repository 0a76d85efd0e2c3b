/**
 * The faults of a cycle, as a table. Each takes something away from an open gate while its work VM talks, and gives it
 * back where nobody else does.
 */
import type { LabDhcp, LabFault } from '../lab/index.ts';

/** What a cycle hits: the work VM is the one that talks meanwhile. */
type Part = 'supervisor' | 'guard' | 'gateway';

/** What a fault is made with. */
export interface FaultHand {
  /** The VPN server of the lab. */
  server(state: 'up' | 'down'): Promise<void>;
  network(fault: LabFault, active: boolean): Promise<void>;
  /** Has the gateway run one of {@link INSIDE}. */
  inside(line: InsideLine): void;
  signal(part: Part, signal: NodeJS.Signals): Promise<void>;
  /** Orders to the gateway's QEMU. */
  machine(command: 'stop' | 'cont' | 'system_reset'): Promise<void>;
  /** What a user does whose gate has no supervisor: `vmgate up`. */
  up(): Promise<void>;
  /** What the untrusted network's DHCP offers from the next question on. */
  dhcp(offers: LabDhcp): Promise<void>;
  /** `wrong`: somebody without the VPN server's key answers at its address. */
  serverKey(which: 'right' | 'wrong'): Promise<void>;
  /** Another resolver than before in what stands for this machine's resolv.conf. */
  changeResolver(): Promise<void>;
  /** Frames of a neighbour on the untrusted network, made for the gateway's card. */
  forge(frames: (target: ForgeTarget) => readonly Buffer[]): Promise<void>;
  /** Asks the gateway's uplink at many ports. */
  scan(): Promise<void>;
}

/** What a neighbour on the untrusted network can know of a gateway: its card, its address, the port its tunnel is at. */
export interface ForgeTarget {
  readonly mac: string;
  readonly address: string;
  readonly tunnelPort: number;
}

/** What a gateway can be told to do to itself, in the order of its numbers. */
export const INSIDE = [
  'ip link del tun0',
  'ip route flush table main',
  'nft flush ruleset',
  'echo c >/proc/sysrq-trigger',
  'dd if=/dev/zero of=/run/vmgate/full bs=65536',
  'rm -f /run/vmgate/full',
  // Accepts everything, and the untrusted network is the way out: the gateway of the anti-run.
  'nft flush ruleset; ip route replace default via 192.168.77.1 dev up0 onlink',
] as const;
export type InsideLine = (typeof INSIDE)[number];
const FILL = INSIDE[4];
const EMPTY = INSIDE[5];
export const ACCEPT_ALL = INSIDE[6];

export interface Fault {
  readonly id: string;
  readonly about: string;
  /** How often it comes, relative to the others. What costs a fresh gateway comes less often. */
  readonly weight: number;
  readonly strike: (hand: FaultHand) => Promise<void> | void;
  /** How long it lasts before `heal`: milliseconds, or until the gate has noticed. */
  readonly lasts: number | 'until noticed';
  /** The gateway does it to itself when it is told, and may not have heard: nobody answers a knock. */
  readonly asksAgain?: true;
  /** Once it was noticed, before `heal`. */
  readonly meanwhile?: (hand: FaultHand) => Promise<void>;
  /** After `meanwhile` the gate must stay shut for so long: what is there now must not open it. Milliseconds. */
  readonly shutMs?: number;
  readonly heal?: (hand: FaultHand) => Promise<void>;
  /** The gate closes for it. A pause is over before anybody has to act. */
  readonly closes: boolean;
  /** The work VM's traffic stops for it; a supervisor that only pauses lets it go on into the tunnel. */
  readonly stops: boolean;
  /** Frames pile up on the wire meanwhile: a process that is frozen takes none. */
  readonly stalls?: true;
}

const PAUSE_MS = 600;
/** Filling takes one, and a pulse has to live with it. */
const FULL_MS = 3_000;
/** Past the guard's deadline of 5 s. */
const FROZEN_MS = 5_500;

function pause(part: Part, weight: number, stops: boolean, stalls: boolean): Fault {
  return {
    id: `${part}-paused`,
    about: `SIGSTOP for ${PAUSE_MS} ms, then SIGCONT, to the ${part}`,
    weight,
    strike: (hand) => hand.signal(part, 'SIGSTOP'),
    lasts: PAUSE_MS,
    heal: (hand) => hand.signal(part, 'SIGCONT'),
    closes: false,
    stops,
    ...(stalls ? { stalls } : {}),
  };
}

function inside(id: string, line: InsideLine, about: string): Fault {
  const strike = (hand: FaultHand) => hand.inside(line);
  return { id, about, weight: 1, strike, lasts: 'until noticed', asksAgain: true, closes: true, stops: true };
}

export const FAULTS: readonly Fault[] = [
  {
    id: 'server-killed',
    about: 'the VPN server is gone, and the router says so',
    weight: 3,
    strike: (hand) => hand.server('down'),
    lasts: 'until noticed',
    heal: (hand) => hand.server('up'),
    closes: true,
    stops: true,
  },
  {
    id: 'tunnel-blackholed',
    about: 'nothing that is sent to the VPN server arrives any more',
    weight: 3,
    strike: (hand) => hand.network('tunnel-silent', true),
    lasts: 'until noticed',
    heal: (hand) => hand.network('tunnel-silent', false),
    closes: true,
    stops: true,
  },
  inside('tunnel-deleted', 'ip link del tun0', 'the WireGuard interface is deleted in the gateway'),
  inside('routes-flushed', 'ip route flush table main', "the gateway's routes are flushed"),
  inside('firewall-flushed', 'nft flush ruleset', "the gateway's whole ruleset is flushed"),
  inside('kernel-panics', 'echo c >/proc/sysrq-trigger', "the gateway's kernel panics"),
  {
    id: 'memory-full',
    about: "the gateway's tmpfs is filled up, and emptied again",
    weight: 1,
    strike: (hand) => hand.inside(FILL),
    lasts: FULL_MS,
    heal: async (hand) => hand.inside(EMPTY),
    closes: false,
    stops: false,
  },
  pause('guard', 5, true, false),
  pause('gateway', 5, true, true),
  pause('supervisor', 5, false, false),
  {
    id: 'machine-stopped',
    about: `QMP stop for ${PAUSE_MS} ms, then cont, to the gateway's machine`,
    weight: 5,
    strike: (hand) => hand.machine('stop'),
    lasts: PAUSE_MS,
    heal: (hand) => hand.machine('cont'),
    closes: false,
    stops: true,
    stalls: true,
  },
  {
    id: 'machine-reset',
    about: "QMP system_reset to the gateway's machine",
    weight: 1,
    strike: (hand) => hand.machine('system_reset'),
    lasts: 0,
    closes: true,
    stops: true,
  },
  ...(['guard', 'gateway'] as const).flatMap((part): Fault[] => [
    {
      id: `${part}-killed`,
      about: `SIGKILL to the ${part}`,
      weight: 1,
      strike: (hand) => hand.signal(part, 'SIGKILL'),
      lasts: 0,
      closes: true,
      stops: true,
    },
    {
      id: `${part}-frozen`,
      about: `SIGSTOP to the ${part}, for good`,
      weight: 1,
      strike: (hand) => hand.signal(part, 'SIGSTOP'),
      lasts: 'until noticed',
      closes: true,
      stops: true,
      ...(part === 'gateway' ? { stalls: true } : {}),
    },
  ]),
  {
    id: 'supervisor-killed',
    about: 'SIGKILL to the supervisor, then vmgate up',
    weight: 1,
    strike: (hand) => hand.signal('supervisor', 'SIGKILL'),
    lasts: 0,
    heal: (hand) => hand.up(),
    closes: true,
    stops: true,
  },
  {
    id: 'supervisor-frozen',
    about: `SIGSTOP for ${FROZEN_MS} ms, longer than the guard's deadline, then SIGCONT, to the supervisor`,
    weight: 1,
    strike: (hand) => hand.signal('supervisor', 'SIGSTOP'),
    lasts: FROZEN_MS,
    heal: (hand) => hand.signal('supervisor', 'SIGCONT'),
    closes: true,
    stops: true,
  },
];
