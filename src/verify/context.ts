/** What a verification needs. The supervisor builds one per connect and uses it for every run until the next. */
import type { ExitSettings } from '../core/checks/exit.ts';
import type { ImageFacts } from '../core/checks/image.ts';
import type { LinkPlan } from '../core/link-plan.ts';
import type { EgressPolicy } from '../core/policy/egress-policy.ts';
import type { GatewayControl } from '../gateway/control.ts';
import type { Guard } from '../guard/guard.ts';
import type { LabPass } from '../lab/pass.ts';
import type { TunnelPlan } from '../vpn/tunnel-plan.ts';
import type { ProbeStand } from './probe/stand.ts';

export interface VerifyContext {
  readonly control: Pick<GatewayControl, 'counts' | 'facts' | 'lease' | 'unlease' | 'dial'>;
  /** Armed by the caller for as long as a run lasts: verifying needs the tunnel. */
  readonly guard: Pick<Guard, 'sync' | 'watchFor'>;
  /** Made once per gateway by `probeStand(() => gateway.openProbe(), plan.probe)`; closed with the gateway. */
  readonly stand: ProbeStand;
  readonly plan: LinkPlan;
  /** The policy that was applied: with its tunnel and, as `endpoints`, the pinned address and port. */
  readonly policy: EgressPolicy;
  readonly tunnelPlan: TunnelPlan;
  /** Of the tunnels that it runs through, the outermost first; none unless said. */
  readonly through?: readonly TunnelPlan[];
  /** Host wall clock when this connect began: an older handshake proves nothing about it. */
  readonly connectBeganMs: number;
  /** Of the boot's settings: facts of any other boot are not about this gateway. */
  readonly bootId: string;
  readonly image: ImageFacts;
  /** `verify.exit` of the configuration. */
  readonly exit: ExitSettings | undefined;
  readonly clock: { readonly wallMs: () => number; readonly monotonicMs: () => number };
  /** Of a gate whose uplink is the lab: its authority vouches for the exit server's certificate too. */
  readonly lab: LabPass | undefined;
}

export type VerifyMode = 'full' | 'cheap';

export interface VerifyRequest {
  readonly mode: VerifyMode;
  /**
   * Interfaces other than the probe's whose leases are to go on: the links of admitted work VMs, and the tunnel while the
   * host has connections through it. In `cheap` mode the caller holds the probe link's lease too, together with them.
   */
  readonly held: readonly string[];
  readonly signal?: AbortSignal;
}
