/** A gateway's control channel and guard without a gateway: they remember what they were told, and fail when asked to. */

import { type Duplex, duplexPair } from 'node:stream';
import { PULSE_CHECKS } from '../../../src/core/opening.ts';
import type { EgressPolicy } from '../../../src/core/policy/index.ts';
import type { Verdict } from '../../../src/core/verdict.ts';
import { GATE_CHECKS } from '../../../src/core/verdict.ts';
import type { GatewayControl } from '../../../src/gateway/index.ts';
import type { FrameCounts, GuardReport } from '../../../src/guard/index.ts';
import type { GatewayParts } from '../../../src/supervisor/world.ts';
import type { TunnelPlan } from '../../../src/vpn/tunnel-plan.ts';

type Guard = Awaited<ReturnType<GatewayParts['startGuard']>>;

export class FakeGuard implements Guard {
  readonly pid = 1;
  readonly ended: Promise<string>;
  isArmed = false;
  isDead = false;
  /** Policies it was armed with, in order. */
  readonly armedFor: string[] = [];
  #policy = '';
  readonly #listeners: ((report: GuardReport) => void)[] = [];
  #end: (how: string) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  setPolicy(uplink: Parameters<Guard['setPolicy']>[0], endpoints: Parameters<Guard['setPolicy']>[1]): void {
    this.isArmed = false;
    this.#policy = `${uplink.dhcp ? 'DHCP, ' : ''}${uplink.address ?? 'no address'} to ${endpoints.length} endpoints`;
  }

  arm(): void {
    this.isArmed = !this.isDead;
    if (this.armedFor.at(-1) !== this.#policy) this.armedFor.push(this.#policy);
  }

  disarm(): void {
    this.isArmed = false;
  }

  setPortal(_uplink: unknown, { names, addresses }: Parameters<Guard['setPortal']>[1]): void {
    this.isArmed = false;
    this.#policy = `portal ${names.join(' ')} at ${addresses.join(' ')}`;
  }

  /** What each extension let through. */
  readonly extended: string[] = [];

  extendPortal({ names, addresses }: Parameters<Guard['extendPortal']>[0]): void {
    this.extended.push(`portal ${names.join(' ')} at ${addresses.join(' ')}`);
  }

  watchFor(): void {}

  counts: FrameCounts = { passed: {}, held: 0, foreign: 0, canaries: 0, overrun: 0, unrecorded: 0 };

  sync(): ReturnType<Guard['sync']> {
    return Promise.resolve({ counts: this.counts, armed: this.isArmed });
  }

  onReport(listener: (report: GuardReport) => void): void {
    this.#listeners.push(listener);
  }

  report(report: GuardReport): void {
    for (const listener of this.#listeners) listener(report);
  }

  die(how = 'was ended by SIGKILL'): void {
    this.isDead = true;
    this.isArmed = false;
    this.#end(how);
  }

  async kill(): Promise<void> {
    this.die();
  }
}

/** What a test does to the network and the gateway. */
export class Weather {
  tunnel: 'up' | 'dead' = 'up';
  /** A server's words on its tunnel's inside. */
  told = '';
  /** What the local network's DHCP says. */
  offer: () => Awaited<ReturnType<GatewayControl['uplink']>> = () => {
    throw new Error('not asked');
  };
  /** Checks that come out otherwise. */
  readonly outcomes = new Map<string, Verdict['outcome']>();
  /** A complete verification waits for it before it leases what is held. */
  beforeLease: () => Promise<void> = async () => undefined;
  /** A control channel opens only after it. */
  beforeControl: () => Promise<void> = async () => undefined;
  /** The last stream that was dialled: the far end. */
  dialled: Duplex | undefined;
  /** And the end of it that the supervisor holds. */
  held: Duplex | undefined;
  /** `address:port` of everything that was dialled. */
  readonly dials: string[] = [];
  /** What the local network's resolver answers. */
  onLookup: (resolver: string, question: Buffer) => Buffer | undefined = () => undefined;
  /** What happens at the far end; a rejection is a connection that was refused. */
  onDial: (to: string, far: Duplex) => Promise<void> | void = () => undefined;
}

export class FakeControl implements GatewayControl {
  readonly closed: Promise<string>;
  /** Interfaces with a lease now. */
  readonly leases = new Set<string>();
  readonly said: string[] = [];
  /** Rulesets, as they were applied. */
  readonly applied: string[] = [];
  /** Plans of the tunnels that were made. */
  readonly tunnels: TunnelPlan[] = [];
  readonly #weather: Weather;
  #end: (why: string) => void = () => undefined;

  constructor(weather: Weather) {
    this.#weather = weather;
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async hello() {
    return { v: 1 as const, bootId: 'boot-1', uptimeMs: 1, layers: [] };
  }

  async apply(ruleset: string): Promise<void> {
    this.said.push('apply');
    this.applied.push(ruleset);
  }

  async uplink() {
    this.said.push('uplink');
    return this.#weather.offer();
  }

  /** Of each tunnel that was made, the policy it was made under, how large its packets are, and what it was handed. */
  readonly made: { readonly policy: EgressPolicy; readonly mtu: number; readonly revealed: string }[] = [];

  async tunnel(...[plan, secrets, pinned, policy]: Parameters<GatewayControl['tunnel']>): Promise<void> {
    this.said.push('tunnel');
    this.tunnels.push(plan);
    this.made.push({ policy, mtu: plan.mtu, revealed: secrets.reveal(pinned, 1, 1) });
  }

  async inside(): Promise<void> {
    this.said.push('inside');
  }

  async untunnel(): Promise<void> {
    this.said.push('untunnel');
  }

  async portal(): Promise<void> {
    this.said.push('portal');
  }

  async lookup(resolver: string, question: Buffer): Promise<Buffer | undefined> {
    return this.#weather.onLookup(resolver, question);
  }

  async lease(ifnames: readonly string[]) {
    this.said.push(`lease ${ifnames.join(' ')}`);
    this.leases.clear();
    for (const ifname of ifnames) this.leases.add(ifname);
    return { v: 1 as const, leases: ifnames.map((ifname) => ({ ifname, expiresMs: 15_000 })) };
  }

  async unlease(): Promise<void> {
    this.said.push('unlease');
    this.leases.clear();
  }

  async facts() {
    return { tunnel: null } as unknown as Awaited<ReturnType<GatewayControl['facts']>>;
  }

  /** Of a tunnel whose server says what its inside is: connected, with what the weather has it say. */
  async counts() {
    const kind = this.tunnels.at(-1)?.kind;
    const tunnel = { kind, ifname: 'tun0', state: 'CONNECTED', sinceMs: 0, told: this.#weather.told, log: '' };
    return { tunnel } as unknown as Awaited<ReturnType<GatewayControl['counts']>>;
  }

  async setClock(): Promise<void> {
    this.said.push('clock');
  }

  async logs(): Promise<string> {
    return 'the gateway said nothing';
  }

  async dial(address: string, port: number): Promise<Duplex> {
    if (this.#weather.tunnel === 'dead') throw new Error('nobody answers');
    const [near, far] = duplexPair();
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
    this.#weather.dialled = far;
    this.#weather.held = near;
    this.#weather.dials.push(`${address}:${port}`);
    await this.#weather.onDial(`${address}:${port}`, far);
    return near;
  }

  close(): void {
    this.#end('closed by vmgate');
  }

  break(): void {
    this.#end('the gateway closed it');
  }
}

/** Parts for a Supervisor, and the latest of each kind it was given. */
export class FakeParts {
  readonly weather = new Weather();
  readonly guards: FakeGuard[] = [];
  readonly controls: FakeControl[] = [];

  get guard(): FakeGuard {
    return last(this.guards);
  }

  get control(): FakeControl {
    return last(this.controls);
  }

  readonly factory: GatewayParts = {
    startGuard: async () => {
      const guard = new FakeGuard();
      this.guards.push(guard);
      return guard;
    },
    openControl: async ({ signal }) => {
      const aborted = new Promise<never>((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        if (signal?.aborted === true) reject(signal.reason);
      });
      await Promise.race([this.weather.beforeControl(), aborted]);
      const control = new FakeControl(this.weather);
      this.controls.push(control);
      return control;
    },
    verifyGate: async ({ control, plan }, { mode, held }) => {
      const strangers = [...this.control.leases].filter((link) => ![...held, plan.probe.ifname].includes(link));
      if (mode === 'full') {
        await this.weather.beforeLease();
        await control.lease([...held, plan.probe.ifname]).catch(() => undefined);
      }
      const checks = mode === 'full' ? GATE_CHECKS : PULSE_CHECKS;
      const verdicts = checks.map((check) => {
        const verdict = this.#verdict(check);
        return check === 'ruleset' && strangers.length > 0 ? { ...verdict, outcome: 'refuted' as const } : verdict;
      });
      const allVerified = verdicts.every(({ outcome }) => outcome === 'verified');
      const claim = allVerified ? ({ kind: 'round-trip' } as const) : undefined;
      return { verdicts, claim, allVerified };
    },
  };

  #verdict(check: Verdict['check']): Verdict {
    const silent = this.weather.tunnel === 'dead' && check === 'tunnel' ? 'refuted' : 'verified';
    const trust = { gatewayCouldFake: '', hostWitness: '' };
    const outcome = this.weather.outcomes.get(check) ?? silent;
    return { check, outcome, summary: `it is ${outcome}`, evidence: [], remedy: '', trust, durationMs: 1 };
  }
}

function last<T>(all: readonly T[]): T {
  const found = all.at(-1);
  if (found === undefined) throw new Error('there is none yet');
  return found;
}
