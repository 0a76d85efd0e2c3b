/** `vmgate status` as the supervisor sees it; the rest (running VMs of a dead supervisor, changed files) is the CLI's. */
import type { CodedEvent } from '../core/coded.ts';
import { type CloseReason, type GateState, STOPPED } from '../core/gate/state.ts';
import { monotonicMs } from '../host/index.ts';
import { denialsOf } from './denials.ts';
import type { StatusReport } from './protocol.ts';
import { bindingOf } from './receipts.ts';
import type { Connection, Session, World } from './world.ts';

export interface Standing {
  /** When the supervisor began, ISO 8601. */
  readonly began: string;
  /** When the phase began, ISO 8601. */
  readonly since: string;
  readonly lastEvent: CodedEvent | undefined;
  readonly ignoredEnvironment: readonly string[];
  /** Events that the disk did not take. */
  readonly unwrittenEvents: number;
}

export async function statusOf(world: World, state: GateState, standing: Standing): Promise<StatusReport> {
  const { session, connection, config } = world;
  const seen = await session?.guard.sync(500).catch(() => undefined);
  if (seen !== undefined && world.session === session) world.meter.counted(seen.counts);
  const { unrecorded, ...traffic } = world.meter.total();
  const addresses = new Map(session?.plan.work.map((link) => [link.workVm, link.guest]));
  return {
    version: 1,
    gate: world.gate,
    phase: state.phase,
    since: standing.since,
    why: describeReason(state.reason),
    claim: state.receipt?.claim ?? null,
    vpn: session === undefined ? null : vpnOf(session, connection, state),
    receipt: receiptOf(world, state),
    verdicts: state.verdicts.map((verdict) => ({ ...verdict, evidence: [...verdict.evidence] })),
    work: Object.entries(state.work).map(([name, vm]) => ({
      name,
      status: isStandingStill(state, name) ? 'paused' : vm.status,
      linkUp: vm.admitted,
      display: config?.config.work.find((each) => each.name === name)?.display ?? 'none',
      address: addresses.get(name) ?? '',
      pid: world.works.get(name)?.pid ?? null,
    })),
    denied: denialsOf(world),
    uplink: seen === undefined ? null : seen.counts,
    traffic: { since: standing.began, ...traffic },
    host: world.outlets.counts,
    unwritten: { events: standing.unwrittenEvents, frames: unrecorded },
    config: config === undefined ? null : { path: config.path, digest: config.digest, changed: false },
    supervisor: { pid: process.pid },
    ignoredEnvironment: [...standing.ignoredEnvironment],
    lastEvent: standing.lastEvent ?? null,
  };
}

function vpnOf(
  { profile, through, config }: Session,
  connection: Connection | undefined,
  { profiles }: GateState,
): StatusReport['vpn'] {
  const { vpn } = config.config;
  const standing = connection === undefined ? [] : [...connection.through, connection];
  const endpointAt = (index: number) => {
    const hop = standing[index];
    return hop === undefined ? '' : endpointOf(hop.pinned);
  };
  return {
    profile: profile.name,
    endpoint: endpointAt(through.length),
    ...(through.length > 0
      ? { through: through.map(({ name }, index) => ({ profile: name, endpoint: endpointAt(index) })) }
      : {}),
    ...(vpn.length > 1 ? { order: [...vpn] } : {}),
    ...(profiles.because === undefined ? {} : { because: describeReason(profiles.because) }),
  };
}

/** Paused by the last close, and not raised since. */
function isStandingStill({ phase, closing, onLoss, work }: GateState, name: string): boolean {
  const { status, admitted } = work[name] ?? STOPPED;
  const isThrough = phase !== 'open' && closing?.step !== 'dropLeases' && closing?.step !== 'lowerLinks';
  return status === 'running' && !admitted && onLoss[name] === 'pause' && isThrough;
}

/** Null as soon as the gate closes, which revokes every receipt, whatever its file says. */
function receiptOf(world: World, { receipt }: GateState): StatusReport['receipt'] {
  if (receipt === undefined || world.session === undefined || world.connection === undefined) return null;
  return { expiresInMs: Math.round(receipt.expiresMs - monotonicMs()), binding: bindingOf(world) };
}

/** One line for people; empty when there is nothing to explain. */
export function describeReason(reason: CloseReason | undefined): string {
  if (reason === undefined) return '';
  if (reason.kind === 'fault') return reason.fault.what;
  if (reason.kind === 'expired') return 'its last verification has expired before the next one was through';
  if (reason.failed.length === 0) return 'the verification was incomplete';
  return reason.failed.map(({ check, outcome, summary }) => `${check} ${outcome}: ${summary}`).join('; ');
}

function endpointOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address}:${port}`;
}
