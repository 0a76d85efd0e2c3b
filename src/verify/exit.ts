/** Gathers the facts of the `exit` check: the name resolved inside the tunnel, the connection made from its near end. */
import net from 'node:net';
import type { ExitFacts } from '../core/checks/exit.ts';
import { objectionTo } from '../core/checks/exit-target.ts';
import { VmgateError } from '../core/coded.ts';
import { readAddresses } from '../frame/index.ts';
import { errors } from './codes.ts';
import type { VerifyContext } from './context.ts';
import type { ProbeStation } from './probe/station.ts';

const RESOLVE_MS = 2_500;

/** Where the exit is to be asked; undefined when no exit is expected. */
export interface ExitTarget {
  readonly url: URL;
  readonly address: string;
}

/**
 * The only part of the check that uses the probe link. `resolverAnswers`: what the `dns` check found; where it is false no
 * name is asked for again.
 *
 * @throws VERIFY_EXIT_UNRESOLVED
 */
export async function findExit(
  { exit }: VerifyContext,
  station: ProbeStation,
  resolverAnswers: boolean,
  signal: AbortSignal,
): Promise<ExitTarget | undefined> {
  if (exit === undefined) return undefined;
  const url = new URL(exit.url);
  const host = url.hostname;
  if (net.isIPv4(host)) return { url, address: host };
  if (!resolverAnswers) throw VmgateError.of(errors.VERIFY_EXIT_UNRESOLVED, { host });
  return { url, address: await resolve(host, station, signal) };
}

/** @throws VERIFY_EXIT_UNREACHABLE, VERIFY_EXIT_TOO_LONG */
export async function askExit(
  context: VerifyContext,
  target: ExitTarget | undefined,
  signal: AbortSignal,
): Promise<ExitFacts> {
  const { exit: settings, policy, control, clock, lab } = context;
  const { split } = context.tunnelPlan;
  if (target === undefined) return { settings, split, answer: undefined };
  const { url, address } = target;
  const objection = objectionTo(url, address, policy);
  if (objection !== undefined) return { settings, split, answer: { kind: 'withheld', reason: objection } };
  const { requestExit } = await import('./exit-request.ts');
  const dial = (port: number) => control.dial(address, port);
  const answer = await requestExit({ url, address, dial, authority: lab?.exitCa, wallMs: clock.wallMs, signal });
  return { settings, split, answer };
}

async function resolve(host: string, station: ProbeStation, signal: AbortSignal): Promise<string> {
  const { reply } = await station.ask(host, RESOLVE_MS, signal);
  const [address] = reply === undefined ? [] : readAddresses(reply.message);
  if (address === undefined) throw VmgateError.of(errors.VERIFY_EXIT_UNRESOLVED, { host });
  return address;
}
