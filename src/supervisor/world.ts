/** What a supervisor holds: the configuration as last read, one gateway's worth of parts, the work VMs it looks after. */
import { createHash } from 'node:crypto';
import type { LoadedConfig } from '../config/index.ts';
import { type CodedEvent, type EventCode, occur } from '../core/coded.ts';
import type { LinkPlan } from '../core/link-plan.ts';
import type { EgressPolicy } from '../core/policy/index.ts';
import type { Portal } from '../core/portal.ts';
import type { OfferedAddress } from '../core/uplink-address.ts';
import type { Arch, GatewayHost, RunningGateway, RunningWork, WorkHost } from '../drivers/index.ts';
import type { GatewayControl, openControl } from '../gateway/index.ts';
import type { GatewayCounts } from '../gateway/protocol.ts';
import type { Guard, startGuard } from '../guard/index.ts';
import type { GateLayout, HomeLayout } from '../home/index.ts';
import type { AssembledBoot, StoredImage } from '../image/index.ts';
import type { LabPass } from '../lab/pass.ts';
import type { ProbeStand, verifyGate } from '../verify/index.ts';
import type { KeyClaim, PinnedEndpoint, StoredProfile, TunnelPlan } from '../vpn/index.ts';
import type { Lane } from './lane.ts';
import type { Meter } from './meter.ts';
import type { Outlets } from './outlets.ts';
import type { NetworkWatch } from './senses.ts';
import type { SignIn } from './sign-in.ts';

/** One gateway process and everything that dies with it. */
export interface Session {
  readonly config: LoadedConfig;
  readonly profile: StoredProfile;
  /** Those that it runs through, the outermost first; of a chain alone. */
  readonly through: readonly StoredProfile[];
  readonly plan: LinkPlan;
  readonly image: StoredImage;
  readonly boot: AssembledBoot;
  readonly bootId: string;
  readonly gateway: RunningGateway;
  readonly guard: Guard;
  readonly control: GatewayControl;
  /** Digest of the manifest whose parts were booted; `image.digest` is the recorded one. */
  readonly identity: string;
  /** Kept for as long as the gateway lives: one VPN key in one gate at a time. */
  readonly key: KeyClaim;
}

/** A tunnel that stands. */
export interface ConnectedHop {
  readonly name: string;
  readonly pinned: PinnedEndpoint;
  /** The profile's, with what the server said of the tunnel's inside, once it did. */
  readonly plan: TunnelPlan;
}

/** One connect: what was pinned and what it compiled to. Of a chain that is underway, as far as it got. */
export interface Connection extends ConnectedHop {
  /** What the tunnel runs through, the outermost first. */
  readonly through: readonly ConnectedHop[];
  readonly policy: EgressPolicy;
  /** Host wall clock, epoch milliseconds. */
  readonly beganMs: number;
  readonly lane: Lane;
  /** Work links that hold a lease, and the tunnel while the host uses it, as last asked for. Changed in the lane only. */
  granted: readonly string[];
  /** The gateway's named counters, as last told. */
  counters: GatewayCounts['counters'];
}

/** What stands around a gateway's process; tests put their own in its place. */
export interface GatewayParts {
  readonly openControl: typeof openControl;
  readonly startGuard: typeof startGuard;
  readonly verifyGate: typeof verifyGate;
}

export interface World {
  readonly gate: string;
  readonly home: HomeLayout;
  readonly layout: GateLayout;
  readonly gatewayHost: GatewayHost;
  readonly workHost: WorkHost;
  /** Made only by src/lab: its uplink, its exceptions, and which defences an anti-test takes away. */
  readonly lab: LabPass | undefined;
  /** What kind of guests gateway and work VMs are. */
  readonly arch: Arch;
  /** Journals an event and tells whoever listens. */
  readonly emit: <P>(code: EventCode<P>, payload: P) => CodedEvent;
  /** The same, of an event that is made already. */
  readonly record: (event: CodedEvent) => void;
  /** Path of the vmgate.yaml this gate runs from. */
  configPath: string;
  config: LoadedConfig | undefined;
  /** Digest of the configuration that `up` was asked with, after its contents were confirmed: no other is ever booted. */
  confirmed: string | undefined;
  session: Session | undefined;
  /** Boots and ends of gateways take turns: there is never a process that nobody knows of. */
  readonly lifecycle: Lane;
  /** In the order asked for: a receipt still being written when the gate closes must not outlive its revocation. */
  readonly receipts: Lane;
  /** Cancels the boot that was begun last. */
  booting: AbortController;
  /** Aborted by each close: what was begun before it may neither grant a lease, nor raise a link, nor start a tunnel. */
  attempt: AbortController;
  connection: Connection | undefined;
  /** A one-time code that somebody gave `up`: for the next connect, and no other. */
  code: string | undefined;
  /** How many servers of the profile did not let this gate in: the next attempt asks the one after them. */
  servers: number;
  /** The portal that was found last. */
  portal: Portal | undefined;
  /** Of the gateway there is: somebody is let through to a portal, or was and the policy still says so. */
  signIn: SignIn | undefined;
  /** Undefined before the supervisor has taken the gate. */
  network: NetworkWatch | undefined;
  /** What the local network gave this gateway last; undefined where its address is fixed. */
  offered: OfferedAddress | undefined;
  /** vmgate's stand on the probe link, open for as long as its gateway. */
  probe: ProbeStand | undefined;
  /** The profile of the last gateway. */
  lastProfile: string | undefined;
  /** Tunnels that work VMs which run now may have connections in, by both ends' keys. */
  readonly tunnelsUsed: Set<string>;
  /** What went through, over all gateways of this supervisor. */
  readonly meter: Meter;
  readonly works: Map<string, RunningWork>;
  /** Work VMs whose start was, or is to be, one that keeps nothing. */
  readonly disposable: Set<string>;
  /** The last start of each work VM; one that is cancelled leaves no process. */
  readonly starting: Map<string, { readonly cancel: () => void; readonly settled: Promise<unknown> }>;
  /** Connections of the host's programs. */
  readonly outlets: Outlets;
  readonly parts: GatewayParts;
}

/** Makes `emit` from a sink. */
export function emitter(sink: (event: CodedEvent) => void): World['emit'] {
  return (code, payload) => {
    const event = occur(code, payload);
    sink(event);
    return event;
  };
}

/** Gates of one host never share a MAC, and a gate keeps its own over restarts: work VMs that outlive a gateway depend on it. */
export function macSeed(layout: GateLayout): number {
  return createHash('sha256').update(layout.folder).digest().readUInt16BE(0);
}
