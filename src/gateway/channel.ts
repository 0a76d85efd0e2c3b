/** {@link GatewayControl} over one SSH connection. */
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import type * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import type { EgressPolicy, TunnelPolicy } from '../core/policy/egress-policy.ts';
import { whenOverdue } from '../host/index.ts';
import type { TunnelInside, TunnelPlan, TunnelSecrets } from '../vpn/tunnel-plan.ts';
import { readAnswer, type VerbOutput } from './answer.ts';
import { errors } from './codes.ts';
import { type ConnectOptions, connect } from './connect.ts';
import type { GatewayControl } from './control.ts';
import { exec } from './exec.ts';
import * as protocol from './protocol.ts';
import { VERBS, type Verb } from './protocol.ts';
import { ResidentShell } from './resident.ts';
import { renderInside, renderTunnelSettings, renderWay } from './tunnel-settings.ts';

const DIAL_MS = 10_000;

/** Verbs that change the gateway run one after the other: an `unlease` must not be overtaken by an earlier `lease`. */
const READING: ReadonlySet<Verb> = new Set(['hello', 'counts', 'facts', 'logs', 'lookup']);

export interface ControlOptions extends ConnectOptions {
  /** Milliseconds by verb, instead of {@link VERBS}. */
  readonly deadlines?: Partial<Record<Verb, number>>;
}

/**
 * Waits for the gateway to answer and hands out the control of it.
 *
 * @throws GATEWAY_NO_ANSWER, GATEWAY_WRONG_KEY
 */
export async function openControl(options: ControlOptions): Promise<GatewayControl> {
  return new SshControl(await connect(options), { ...VERBS, ...options.deadlines });
}

class SshControl implements GatewayControl {
  readonly closed: Promise<string>;
  readonly #client: Client;
  readonly #resident: ResidentShell;
  readonly #deadlines: Readonly<Record<Verb, number>>;
  /** Why the connection ended or had to end; the first reason is kept. */
  #end: string | undefined;
  /** What to call when the connection ends, one for each answer that is waited for. */
  readonly #waiting = new Set<() => void>();
  /** The last verb that changes something; settles, never rejects. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(client: Client, deadlines: Readonly<Record<Verb, number>>) {
    this.#client = client;
    this.#deadlines = deadlines;
    client.on('error', (cause) => {
      this.#end ??= cause.message;
    });
    this.closed = new Promise((resolve) => {
      client.on('close', () => {
        this.#end ??= 'the gateway closed it';
        for (const giveUp of this.#waiting) giveUp();
        resolve(this.#end);
      });
    });
    this.#resident = new ResidentShell(client, (why) => this.#abandon(why));
  }

  hello(): Promise<protocol.Hello> {
    return this.#run('hello', protocol.hello);
  }

  async apply(rulesetJson: string): Promise<void> {
    await this.#run('apply', protocol.done, rulesetJson);
  }

  uplink(): Promise<protocol.UplinkLease> {
    return this.#run('uplink', protocol.uplinkLease);
  }

  async tunnel(
    plan: TunnelPlan,
    secrets: TunnelSecrets,
    pinned: { readonly address: string; readonly port: number },
    policy: EgressPolicy,
  ): Promise<void> {
    const tunnel = tunnelOf(policy);
    const [endpoint] = policy.through?.at(-1)?.endpoints ?? policy.endpoints;
    const place = { protocol: endpoint?.protocol ?? 'udp', ...pinned };
    const revealed = secrets.reveal(place, tunnel.localPort, tunnel.mark);
    const settings = renderTunnelSettings(plan, tunnel, revealed);
    await this.#run('tunnel', protocol.done, `${renderWay(policy)}${settings}`);
  }

  async inside(inside: TunnelInside, policy: EgressPolicy): Promise<void> {
    await this.#run('inside', protocol.done, `${renderWay(policy)}${renderInside(inside, tunnelOf(policy))}`);
  }

  async untunnel(): Promise<void> {
    await this.#run('untunnel', protocol.done);
  }

  async portal(): Promise<void> {
    await this.#run('portal', protocol.done);
  }

  async lookup(resolver: string, question: Buffer): Promise<Buffer | undefined> {
    const asked = `${resolver} ${question.toString('base64')}\n`;
    const { answer } = await this.#run('lookup', protocol.lookupAnswer, asked);
    return answer === '' ? undefined : Buffer.from(answer, 'base64');
  }

  lease(ifnames: readonly string[]): Promise<protocol.Leases> {
    return this.#run('lease', protocol.leases, ifnames.map((ifname) => `${ifname}\n`).join(''));
  }

  async unlease(): Promise<void> {
    await this.#run('unlease', protocol.done);
  }

  counts(): Promise<protocol.GatewayCounts> {
    return this.#run('counts', protocol.countsAnswer);
  }

  facts(): Promise<protocol.GatewayFacts> {
    return this.#run('facts', protocol.factsAnswer);
  }

  async setClock(epochMs: number): Promise<void> {
    await this.#run('clock', protocol.done, `${Math.round(epochMs)}\n`);
  }

  async logs(): Promise<string> {
    return (await this.#run('logs', protocol.logs)).logs;
  }

  async dial(address: string, port: number): Promise<Duplex> {
    const failed = (reason: string) => VmgateError.of(errors.GATEWAY_DIAL_FAILED, { address, port, reason });
    // A name would be looked up by the gateway's own system; a zone (`fe80::1%work0`) would choose a card.
    if (isIP(address) === 0 || address.includes('%')) throw failed('not an IP address');
    let over = false;
    const opened = () =>
      new Promise<Duplex>((resolve, reject) => {
        this.#client.forwardOut('127.0.0.1', 0, address, port, (cause, channel) => {
          if (cause !== undefined) reject(failed(cause.message));
          else if (over) channel.destroy();
          else resolve(channel);
        });
      });
    try {
      return await this.#within(DIAL_MS, () => failed(`no answer in ${DIAL_MS / 1_000} s`), opened);
    } finally {
      over = true;
    }
  }

  close(): void {
    this.#abandon('closed by vmgate');
  }

  #run<T>(verb: Verb, schema: z.ZodType<T>, stdin = ''): Promise<T> {
    if (READING.has(verb)) return this.#ask(verb, schema, stdin);
    const turn = this.#changes.then(() => this.#ask(verb, schema, stdin));
    this.#changes = turn.catch(() => undefined);
    return turn;
  }

  /** A gateway that is late or makes no sense is never spoken to again: nobody knows what state it is in. */
  async #ask<T>(verb: Verb, schema: z.ZodType<T>, stdin: string): Promise<T> {
    const deadlineMs = this.#deadlines[verb];
    const late = () => VmgateError.of(errors.GATEWAY_VERB_LATE, { verb, seconds: deadlineMs / 1_000 });
    try {
      return readAnswer(verb, schema, await this.#within(deadlineMs, late, () => this.#send(verb, stdin)));
    } catch (cause) {
      if (VmgateError.is(cause) && cause.code !== errors.GATEWAY_VERB_FAILED.code) this.#abandon(cause.what);
      throw cause;
    }
  }

  /** An `unlease` must not wait for what only reads, nor that for what takes long: the second at a time goes by itself. */
  #send(verb: Verb, stdin: string): Promise<VerbOutput> {
    return this.#resident.idle ? this.#resident.ask(verb, stdin) : exec(this.#client, verb, stdin);
  }

  /** `work`, unless the deadline or the end of the connection comes first: ssh2 forgets callbacks when it closes. */
  async #within<T>(deadlineMs: number, late: () => VmgateError, work: () => Promise<T>): Promise<T> {
    if (this.#end !== undefined) throw this.#lost();
    let endWait: (() => void) | undefined;
    let giveUp: (() => void) | undefined;
    const cutShort = new Promise<never>((_, reject) => {
      endWait = whenOverdue(deadlineMs, () => reject(late()));
      giveUp = () => reject(this.#lost());
      this.#waiting.add(giveUp);
    });
    try {
      return await Promise.race([work(), cutShort]);
    } finally {
      endWait?.();
      if (giveUp !== undefined) this.#waiting.delete(giveUp);
    }
  }

  #abandon(reason: string): void {
    this.#end ??= reason;
    this.#client.destroy();
  }

  #lost(): VmgateError {
    return VmgateError.of(errors.GATEWAY_LOST, { reason: this.#end ?? 'the gateway closed it' });
  }
}

function tunnelOf({ tunnel }: EgressPolicy): TunnelPolicy {
  if (tunnel === undefined) throw new TypeError('a tunnel needs a policy with a tunnel');
  return tunnel;
}
