/** Gathers the facts of the `exit` check: the name resolved inside the tunnel, the connection made from its near end. */
import net from 'node:net';
import type { ExitAnswer, ExitFacts, ExitSilence } from '../core/checks/exit.ts';
import { objectionTo } from '../core/checks/exit-target.ts';
import { within } from '../core/checks/prefix.ts';
import { VmgateError } from '../core/coded.ts';
import { DNS_TYPES, readAddresses } from '../frame/index.ts';
import { messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import type { VerifyContext } from './context.ts';
import type { ProbeStation } from './probe/station.ts';

const RESOLVE_MS = 2_500;

/** Where the exit is to be asked; undefined when no exit is expected. */
export interface ExitTarget {
  readonly url: URL;
  readonly address: string;
  /** Of a tunnel with IPv6, where the host has such an address that the tunnel leads to: asked there too. */
  readonly address6?: string | undefined;
}

/**
 * The only part of the check that uses the probe link. `resolverAnswers`: what the `dns` check found; where it is false no
 * name is asked for again.
 *
 * @throws VERIFY_EXIT_UNRESOLVED
 */
export async function findExit(
  { exit, policy }: VerifyContext,
  station: ProbeStation,
  resolverAnswers: boolean,
  signal: AbortSignal,
): Promise<ExitTarget | undefined> {
  if (exit === undefined) return undefined;
  const url = new URL(exit.url);
  const host = url.hostname;
  // A URL writes an IPv6 address in brackets.
  const literal = host.replace(/^\[|\]$/g, '');
  if (net.isIP(literal) !== 0) return { url, address: literal };
  if (!resolverAnswers) throw VmgateError.of(errors.VERIFY_EXIT_UNRESOLVED, { host });
  const { ipv6 } = policy.tunnel ?? {};
  const [address, address6] = await Promise.all([
    resolve(host, station, signal),
    ipv6 === undefined ? undefined : resolve6(host, station, signal),
  ]);
  // Where the tunnel does not lead no work VM comes out.
  const isRouted = address6 !== undefined && ipv6?.routes.some((route) => within(address6, route)) === true;
  return { url, address, ...(isRouted ? { address6 } : {}) };
}

/** @throws VERIFY_EXIT_UNREACHABLE, VERIFY_EXIT_TOO_LONG */
export async function askExit(
  context: VerifyContext,
  target: ExitTarget | undefined,
  signal: AbortSignal,
): Promise<ExitFacts> {
  const { exit: settings, policy } = context;
  const { split } = context.tunnelPlan;
  const hasIpv6 = policy.tunnel?.ipv6 !== undefined;
  if (target === undefined) return { settings, split, hasIpv6, answer: undefined };
  const { url, address, address6 } = target;
  // What IPv6 comes to is judged beside the other answer, and does not take it away.
  const silence = (cause: unknown): ExitSilence => ({
    kind: 'silent',
    reason: messageOf(cause),
    address: address6 ?? '',
  });
  const [answer, answer6] = await Promise.all([
    askAt(context, url, address, signal),
    address6 === undefined ? undefined : askAt(context, url, address6, signal).catch(silence),
  ]);
  return { settings, split, hasIpv6, answer, answer6 };
}

async function askAt(context: VerifyContext, url: URL, address: string, signal: AbortSignal): Promise<ExitAnswer> {
  const { policy, control, clock, lab } = context;
  const objection = objectionTo(url, address, policy);
  if (objection !== undefined) return { kind: 'withheld', reason: objection };
  const { requestExit } = await import('./exit-request.ts');
  const dial = (port: number) => control.dial(address, port);
  return requestExit({ url, address, dial, authority: lab?.exitCa, wallMs: clock.wallMs, signal });
}

async function resolve(host: string, station: ProbeStation, signal: AbortSignal): Promise<string> {
  const { reply } = await station.ask(host, RESOLVE_MS, signal);
  const [address] = reply === undefined ? [] : readAddresses(reply.message);
  if (address === undefined) throw VmgateError.of(errors.VERIFY_EXIT_UNRESOLVED, { host });
  return address;
}

/** Undefined where it has none. */
async function resolve6(host: string, station: ProbeStation, signal: AbortSignal): Promise<string | undefined> {
  const { reply } = await station.ask(host, RESOLVE_MS, signal, DNS_TYPES.aaaa);
  return reply === undefined ? undefined : readAddresses(reply.message, 'AAAA')[0];
}
