/**
 * The one thing that lets a gate run on another uplink than slirp, trust another certificate, dial an address that is
 * otherwise refused, or go without a defence. Only a running lab makes one, and it always carries
 * that lab's uplink. A lab behind slirp shares the host's real network, so there the guard is never replaced: rules of
 * the gateway may go, but nothing leaves except towards the endpoint.
 *
 * No flag, environment variable or configuration key leads here: the class is exported from this room as a type only,
 * and its constructor takes a key that never leaves this file.
 */
import * as z from 'zod';
import type { Effect } from '../core/gate/effects.ts';
import type { UplinkAddressing } from '../core/link-plan.ts';
import type { RemovedDefences } from '../core/policy/defence.ts';
import type { Arch, QemuPrograms, UplinkAttachment } from '../drivers/index.ts';
import type { GateLayout } from '../home/index.ts';
import { effectPlan, effectPoints } from './effect-points.ts';
import { lookUpIn } from './names.ts';

const defence = z.enum([
  'lease',
  'source-pin',
  'tunnel-only',
  'no-shortcut',
  'no-pickup',
  'own-resolver',
  'mss-clamp',
  'own-router',
  'uplink-input',
  'uplink-output',
  'hop-output',
]);

const arch = z.enum(['amd64', 'arm64']);

/** A pass as text, on its way from the test or demo to the supervisor's process. */
export const labPassPlan = z.strictObject({
  uplink: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('user') }),
    z.strictObject({ kind: z.literal('wire'), localPath: z.string(), remotePath: z.string() }),
  ]),
  addressing: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('dhcp') }),
    z.strictObject({ kind: z.literal('static'), address: z.ipv4(), prefixLength: z.int(), nextHop: z.ipv4() }),
  ]),
  endpoint: z.strictObject({ address: z.ipv4(), port: z.int() }),
  /** Of the server behind the first one, for a chain. */
  second: z.ipv4().optional(),
  exitCa: z.string(),
  removedDefences: z.array(defence),
  witness: z.string().optional(),
  guardEntry: z.string().optional(),
  machines: z.strictObject({ arch: arch.optional(), programs: z.partialRecord(arch, z.string()) }).optional(),
  monitor: z.string().optional(),
  effects: effectPlan.optional(),
  portal: z
    .strictObject({ probe: z.strictObject({ address: z.ipv4(), port: z.int() }), addresses: z.array(z.ipv4()).max(8) })
    .optional(),
  network: z.strictObject({ toward: z.ipv4(), resolvConf: z.string() }).optional(),
  /** A file of names: see names.ts. */
  names: z.string().optional(),
});
export type LabPassPlan = z.infer<typeof labPassPlan>;

const maker = Symbol('only this file makes passes');

export class LabPass {
  readonly #plan: LabPassPlan;
  readonly uplink: UplinkAttachment;
  readonly addressing: UplinkAddressing;
  /** PEM, beside the usual authorities: the exit check against the lab's sites. */
  readonly exitCa: string;
  /** What the gateway's ruleset is compiled without. */
  readonly removedDefences: RemovedDefences;
  /** Where the gateway's QEMU writes a pcap of what passed the guard. */
  readonly witness: string | undefined;
  /** Another program in the guard's place: guard-open.ts or guard-absent.ts, compiled. On a wire only. */
  readonly guardEntry: string | undefined;
  /** What kind of guests gateway and work VMs are, if not the host's: any kind runs under emulation. */
  readonly arch: Arch | undefined;
  /** Another QEMU than this machine's, for the matrix of versions. */
  readonly programs: QemuPrograms | undefined;
  /** Where the gateway's QEMU takes orders beside its supervisor's: to pause or reset it. On a wire only. */
  readonly monitor: string | undefined;

  /** What of this machine's network stands for the uplink's, which is the lab's own otherwise and never changes. */
  readonly network: LabPassPlan['network'];
  /** Where the lab's network is asked whether there is a portal, in this machine's stead; undefined: nobody looks. */
  readonly portalProbe: { readonly address: string; readonly port: number } | undefined;
  /** Stands for this machine's resolver where the server's name is looked up. */
  readonly lookUp: ((name: string) => Promise<readonly string[]>) | undefined;
  /** Hears of each effect of the supervisor just before it runs. */
  readonly onEffect: ((effect: Effect) => void) | undefined;

  private constructor(key: symbol, plan: LabPassPlan, gate: GateLayout | undefined) {
    if (key !== maker) throw new TypeError('only src/lab makes a LabPass');
    // Orders to QEMU could take its filters away, and the guard with them.
    if (plan.uplink.kind === 'user' && (plan.guardEntry ?? plan.monitor) !== undefined) {
      throw new TypeError('a gate on the real network keeps its guard: use a lab on a wire');
    }
    this.#plan = plan;
    this.uplink = plan.uplink;
    this.addressing = plan.addressing;
    this.exitCa = plan.exitCa;
    // The one cast to a type that nothing else can make: core/policy/defence.ts.
    this.removedDefences = new Set(plan.removedDefences) as unknown as RemovedDefences;
    this.witness = plan.witness;
    this.guardEntry = plan.guardEntry;
    this.arch = plan.machines?.arch;
    this.programs = plan.machines?.programs;
    this.monitor = plan.monitor;
    this.network = plan.network;
    this.portalProbe = plan.portal?.probe;
    this.lookUp = plan.names === undefined ? undefined : lookUpIn(plan.names);
    this.onEffect = plan.effects && gate && effectPoints(plan.effects, gate);
  }

  /** `gate`: in its supervisor's process, where the plan's points are met. */
  static of(plan: LabPassPlan, gate?: GateLayout): LabPass {
    return new LabPass(maker, plan, gate);
  }

  /** False for anything that only looks like a pass. */
  static is(value: unknown): value is LabPass {
    return typeof value === 'object' && value !== null && #plan in value;
  }

  /** The lab's endpoints, and no other, may be dialled although their addresses are reserved or slirp's. */
  allowEndpoint(address: string): boolean {
    return address === this.#plan.endpoint.address || address === this.#plan.second;
  }

  /** The lab's portal has addresses that no other network's may have. */
  allowPortal(address: string): boolean {
    return this.#plan.portal?.addresses.includes(address) === true;
  }

  /** Secret-free; {@link LabPass.of} makes the same pass of it in another process. */
  plan(): LabPassPlan {
    return this.#plan;
  }
}
