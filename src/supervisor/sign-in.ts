/**
 * Somebody is let through to a portal: names that the portal leads to by itself, and those that a person allows. Each name
 * is asked of one resolver, each address judged, and each is let out by the guard before the gateway may send to it. The
 * guard ends all of it on its own clock.
 */
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import type { GateEvent } from '../core/gate/events.ts';
import { USER_NETWORK } from '../core/link-plan.ts';
import { type EgressPolicy, PORTAL_PORTS } from '../core/policy/index.ts';
import { judgeProbe, objectionToPortal, readPortalUrl } from '../core/portal.ts';
import { readTarget } from '../core/proxy-target.ts';
import { MAX_PORTAL_MS } from '../guard/index.ts';
import { messageOf } from '../host/index.ts';
import { askPage, errors, events, portOf, type Reach } from '../portal/index.ts';
import { Lane } from './lane.ts';
import { question } from './names.ts';
import { rulesetFor, silentPolicy } from './policy.ts';
import type { Exchange } from './server.ts';
import { sessionOf } from './session.ts';
import { takenInside } from './uplink.ts';
import type { World } from './world.ts';

/** slirp's own: it asks whom this machine asks. Any other router is asked itself. */
const SLIRP_RESOLVER = '10.0.2.3';
const MOST_NAMES = 32;
/** Of one name. */
const MOST_ADDRESSES = 4;
const MOST_HOPS = 8;
const PAGE_MS = 8_000;
/** Whether the portal is gone is asked again after this. */
const LOOK_MS = 1_500;

export interface SignInStart {
  readonly generation: number;
  /** Aborted by the gate's close. */
  readonly signal: AbortSignal;
  readonly nextHop: string;
}

export type SignInEnd = 'signed in' | 'left' | 'closed';

export class SignIn {
  /** For the gate: it is over, because somebody or the portal said so. */
  readonly over: GateEvent;
  /** For the gate: the guard lets nobody through any more. */
  readonly timeOver: GateEvent;
  readonly #world: World;
  readonly #signal: AbortSignal;
  readonly #resolver: string;
  /** What each allowed host leads to; a literal address leads to itself. */
  readonly #hosts = new Map<string, readonly string[]>();
  /** May be asked for. */
  readonly #names = new Set<string>();
  readonly #held = new Set<string>();
  /** One host at a time: guard and gateway hold the same list after each. */
  readonly #lane = new Lane();

  constructor(world: World, { generation, signal, nextHop }: SignInStart) {
    this.#world = world;
    this.#signal = signal;
    this.#resolver = nextHop === USER_NETWORK.nextHop ? SLIRP_RESOLVER : nextHop;
    this.over = { type: 'signInOver', generation };
    const fault = VmgateError.of(errors.PORTAL_TIME_OVER, { minutes: MAX_PORTAL_MS / 60_000 }).serialize();
    this.timeOver = { type: 'signInOver', generation, fault };
  }

  get policy(): EgressPolicy {
    const addresses = [...new Set([...this.#hosts.values()].flat())];
    return { ...silentPolicy(this.#world), portal: { resolver: this.#resolver, names: [...this.#names], addresses } };
  }

  /**
   * Follows the portal to its page, tells where that is, and waits for the end of it: by whoever asked (`left`), by the
   * portal (`probe` answers as it does where there is none, after it did not), or by the gate.
   */
  async run(
    { url, probe }: { readonly url: URL; readonly probe: URL | undefined },
    allow: readonly string[],
    left: Promise<void>,
  ): Promise<SignInEnd> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#signal]);
    const closed = new Promise<SignInEnd>((resolve) => {
      if (this.#signal.aborted) resolve('closed');
      this.#signal.addEventListener('abort', () => resolve('closed'), { once: true });
    });
    const working = (async (): Promise<SignInEnd> => {
      for (const host of allow) await this.allow(host, 'person');
      const page = await this.#follow(url);
      if (probe !== undefined) await this.#follow(probe);
      signal.throwIfAborted();
      this.#world.emit(events.PORTAL_READY, { url: page.href, seconds: MAX_PORTAL_MS / 1_000 });
      return probe === undefined ? closed : this.#untilGone(probe, signal);
    })();
    working.catch(() => undefined);
    try {
      return await Promise.race([working, closed, left.then(() => 'left' as const)]);
    } catch (cause) {
      if (this.#signal.aborted) return 'closed';
      throw cause;
    } finally {
      over.abort();
    }
  }

  /**
   * Lets the portal lead to `host` from now on.
   *
   * @throws PORTAL_HOST_REFUSED, PORTAL_NAME_HELD (by a redirect to a private address, which a person has to allow)
   */
  allow(host: string, by: 'redirect' | 'person'): Promise<readonly string[]> {
    return this.#lane.run(async () => {
      const target = readTarget(host);
      if (target.kind === 'refused') throw this.#refused(host, target.why);
      const key = target.kind === 'name' ? target.name : target.address;
      const known = this.#hosts.get(key);
      if (known !== undefined) return known;
      if (this.#hosts.size >= MOST_NAMES) throw this.#refused(key, `${MOST_NAMES} hosts are more than a portal needs`);
      const found = target.kind === 'name' ? await this.#lookUp(target.name) : [target.address];
      const addresses = this.#admitted(key, found, by);
      this.#hosts.set(key, addresses);
      await this.#enforce();
      this.#world.emit(events.PORTAL_ALLOWED, { host: key, addresses, by });
      return addresses;
    });
  }

  /** The client's connection becomes one with a host that is allowed. @throws PORTAL_NAME_HELD, PORTAL_HOST_REFUSED */
  async connect({ host, port }: { readonly host: string; readonly port: number }, exchange: Exchange): Promise<void> {
    const key = host.toLowerCase().replace(/\.$/, '');
    const addresses = this.#hosts.get(key);
    if (addresses === undefined) throw this.#hold(key, 'the portal did not lead there by itself');
    await this.#world.outlets.open(exchange, this.#signal, () => this.#dial(key, addresses, port));
  }

  /** The page behind a chain of redirects, each host of which is let through to; as far as it goes. */
  async #follow(start: URL): Promise<URL> {
    let url = start;
    for (let hops = 0; hops < MOST_HOPS; hops += 1) {
      try {
        await this.allow(url.hostname, 'redirect');
        const { status, location } = await askPage(url, this.#reach, PAGE_MS);
        if (status < 300 || status >= 400 || location === undefined || !URL.canParse(location, url.href)) return url;
        const next = readPortalUrl(new URL(location, url).href);
        if (next === undefined) return url;
        url = next;
      } catch {
        // Held back, refused or silent: that is where a person goes on, and sees why.
        return url;
      }
    }
    return url;
  }

  async #untilGone(probe: URL, signal: AbortSignal): Promise<SignInEnd> {
    let wasThere = false;
    for (;;) {
      const answer = await askPage(probe, this.#reach, PAGE_MS).catch(() => undefined);
      signal.throwIfAborted();
      const isThere = answer !== undefined && judgeProbe(probe.href, answer) !== undefined;
      if (wasThere && answer?.status === 204) break;
      wasThere ||= isThere;
      await delay(LOOK_MS, undefined, { signal, ref: false });
    }
    this.#world.emit(events.PORTAL_SIGNED_IN, {});
    return 'signed in';
  }

  readonly #reach: Reach = (url) => this.#dial(url.hostname, this.#hosts.get(url.hostname) ?? [], portOf(url));

  async #dial(host: string, addresses: readonly string[], port: number): Promise<Duplex> {
    if (!PORTAL_PORTS.some((allowed) => allowed === port)) throw this.#refused(host, `port ${port} is not 80 or 443`);
    let last: unknown = this.#refused(host, 'it has no address');
    for (const address of addresses) {
      this.#signal.throwIfAborted();
      try {
        return await sessionOf(this.#world).control.dial(address, port);
      } catch (cause) {
        last = cause;
      }
    }
    throw last;
  }

  async #lookUp(name: string): Promise<readonly string[]> {
    this.#names.add(name);
    await this.#tellGuard();
    const { query, read } = question(name);
    const message = await sessionOf(this.#world).control.lookup(this.#resolver, query);
    this.#signal.throwIfAborted();
    try {
      if (message === undefined) throw new Error('it did not answer');
      return read(message);
    } catch (cause) {
      throw this.#refused(name, `the resolver ${this.#resolver}: ${messageOf(cause)}`);
    }
  }

  #admitted(host: string, found: readonly string[], by: 'redirect' | 'person'): readonly string[] {
    const cards = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    const around = { ofThisMachine: cards.map(({ address }) => address), inside: takenInside(this.#world) };
    const judged = found.slice(0, MOST_ADDRESSES).map((address) => ({
      address,
      objection: this.#world.lab?.allowPortal(address) === true ? undefined : objectionToPortal(address, around),
    }));
    const admitted = judged.filter(
      ({ objection }) => objection === undefined || (objection.kind === 'ask' && by === 'person'),
    );
    if (admitted.length > 0) return admitted.map(({ address }) => address);
    const [objection] = judged.flatMap((each) => (each.objection === undefined ? [] : [each.objection]));
    if (objection?.kind === 'ask') throw this.#hold(host, objection.why);
    throw this.#refused(host, objection?.why ?? 'it has no IPv4 address');
  }

  /** The guard before the gateway: there is never a frame that it does not know. */
  async #enforce(): Promise<void> {
    await this.#tellGuard();
    await sessionOf(this.#world).control.apply(rulesetFor(this.#world, this.policy));
    this.#signal.throwIfAborted();
  }

  /** Frames and orders reach the guard by different pipes: it has to have read the order before anything is sent. */
  async #tellGuard(): Promise<void> {
    const { guard } = sessionOf(this.#world);
    const { portal } = this.policy;
    this.#signal.throwIfAborted();
    if (portal !== undefined) guard.extendPortal(portal);
    await guard.sync();
    this.#signal.throwIfAborted();
  }

  #hold(host: string, why: string): VmgateError {
    if (!this.#held.has(host) && this.#held.size < MOST_NAMES * 2) {
      this.#held.add(host);
      this.#world.emit(events.PORTAL_HELD, { host, why });
    }
    return VmgateError.of(errors.PORTAL_NAME_HELD, { host });
  }

  #refused(host: string, why: string): VmgateError {
    return VmgateError.of(errors.PORTAL_HOST_REFUSED, { host, why });
  }
}
