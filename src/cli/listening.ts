/** What `proxy` and `forward` have in common: where they listen, what they say meanwhile, how they end. */
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { type CodedEvent, VmgateError } from '../core/coded.ts';
import type { Phase } from '../core/gate/state.ts';
import { escapeLine, monotonicMs } from '../host/index.ts';
import type { Place } from '../proxy/index.ts';
import type { SupervisorClient } from '../supervisor/client.ts';
import type { Ask } from '../supervisor/protocol.ts';
import { errors } from './codes.ts';
import type { Context } from './command.ts';
import type { Gate } from './gate-access.ts';

export const SOCKET_OPTION = {
  flags: '--socket <PATH>',
  about: 'a socket that only you can open, instead of a port of 127.0.0.1',
} as const;

/** A program that tries again and again must not fill the terminal. */
const NOTICE_MS = 1_000;
const MAX_PORT = 65_535;

export function socketAt({ cwd }: Context, written: string): Place {
  return { kind: 'socket', path: path.resolve(cwd, written) };
}

/** Where it listens, for scripts. */
export function placeFields(place: Place): Readonly<Record<string, string | number>> {
  return place.kind === 'port' ? { address: '127.0.0.1', port: place.port } : { socket: place.path };
}

/** One of the gate's byte streams. @throws GATE_NOT_VERIFIED, and what the supervisor answers */
export async function streamFrom(
  { name, layout }: Gate,
  ask: Extract<Ask, { verb: 'connect' | 'reach' | 'portal-connect' }>,
): Promise<Duplex> {
  const { notVerified, SupervisorClient } = await import('../supervisor/index.ts');
  const stream = await SupervisorClient.stream(name, layout, ask);
  if (stream === undefined) throw notVerified(name, 'down', undefined);
  return stream;
}

/**
 * A connection to `target` that the gate makes inside its tunnel.
 *
 * @param who names the command in what a supervisor of another vmgate gets wrong
 * @throws GATE_NOT_VERIFIED, GATE_TARGET_REFUSED, GATE_NAME_UNKNOWN, GATEWAY_DIAL_FAILED, ..
 */
export async function connectThrough(
  gate: Gate,
  target: { readonly host: string; readonly port: number },
  who: string,
): Promise<Duplex> {
  const { asFault } = await import('../supervisor/index.ts');
  return streamFrom(gate, { verb: 'connect', ...target }).catch((cause: unknown) => {
    throw asFault(cause, who);
  });
}

/** `most`: 0 stands for any free port where it is allowed. @throws CLI_USAGE */
export function portNumber(what: string, written: string, least: 0 | 1): number {
  const port = /^\d{1,5}$/.test(written) ? Number(written) : Number.NaN;
  if (port >= least && port <= MAX_PORT) return port;
  const message = `${what} ${JSON.stringify(written.slice(0, 40))} is no port`;
  throw VmgateError.of(errors.CLI_USAGE, { message, hint: `give a number from ${least} to ${MAX_PORT}`, command: '' });
}

/** @throws GATE_NOT_VERIFIED as the supervisor would, before anything listens */
export async function requireOpen(gate: Gate, { greeting: { phase, why } }: SupervisorClient): Promise<void> {
  if (phase === 'open') return;
  const { errors: gateErrors, notVerified } = await import('../supervisor/index.ts');
  if (why === '') throw notVerified(gate.name, phase as Phase, undefined);
  const remedy = 'vmgate up waits until the gate is open';
  throw VmgateError.of(gateErrors.GATE_NOT_VERIFIED, { gate: gate.name, phase: phase as Phase, why, remedy });
}

/** Lines of progress about connections that were not made, at most one a second. */
export function noticesOf(context: Context): (line: string) => void {
  let nextMs = 0;
  return (line) => {
    const now = monotonicMs();
    if (now < nextMs) return;
    nextMs = now + NOTICE_MS;
    context.out.progress(escapeLine(line));
  };
}

/**
 * Tells of the gate's phases until Ctrl-C, or until what it stands for is gone.
 *
 * @throws GATE_NOT_VERIFIED when the gate went down, and what the supervisor answers
 */
export async function untilOver(
  { out, interrupted }: Context,
  gate: Gate,
  client: SupervisorClient,
  ask: Ask,
): Promise<number> {
  const onEvent = (event: CodedEvent) => {
    if (event.code === 'GATE_PHASE') out.event(event);
  };
  try {
    await client.ask(ask, { onEvent, signal: interrupted });
    return 0;
  } catch (cause) {
    if (interrupted.aborted) return 130;
    const supervisor = await import('../supervisor/index.ts');
    const isDown = VmgateError.is(cause) && cause.code === supervisor.errors.GATE_SUPERVISOR_DIED.code;
    throw isDown ? supervisor.notVerified(gate.name, 'down', undefined) : cause;
  }
}
