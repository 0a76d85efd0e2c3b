/**
 * Check `canary`: marked packets were sent from the probe link into every direction a guest might try. Without a lease
 * they went nowhere, with one only into the tunnel. Silence counts only where a counter shows that there was noise:
 * each phase has a positive control, else the verdict is `unknown`.
 */
import type { FrameCounts } from '../../guard/protocol.ts';
import type { Canary } from './canary-plan.ts';
import { type Check, FRESH_GATEWAY, type Opinion, refuted, unknown, verified } from './check.ts';
import type { Snapshot } from './snapshot.ts';

/** What vmgate put on the probe link between two snapshots, canaries and all else (ARP, questions to the resolver). */
export interface Injected {
  readonly frames: number;
  readonly ipv4: number;
  readonly ipv6: number;
}

export interface CanaryPhase {
  readonly sent: readonly Canary[];
  readonly injected: Injected;
  /** The sentinel sent behind the canaries came back: the gateway has looked at each of them. */
  readonly barrier: boolean;
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly guardBefore: FrameCounts;
  readonly guardAfter: FrameCounts;
  /** What the gateway sent back to the probe's address, in words, ARP and ICMP refusals left out. */
  readonly replies: readonly string[];
}

export interface CanaryFacts {
  readonly probe: string;
  readonly closed: CanaryPhase;
  /** Undefined when the phase could not be run: `openTrouble` says why. */
  readonly open: CanaryPhase | undefined;
  readonly openTrouble: string;
  /** No other link held a lease during the closed phase: then the tunnel as a whole must have been silent. */
  readonly alone: boolean;
  /** The tunnel is carried by TCP, at least in part: several packets share a frame, and a frame may carry none. */
  readonly isStream: boolean;
}

export const canaryCheck: Check<CanaryFacts> = {
  name: 'canary',
  trust: {
    gatewayCouldFake: 'its counters, and by them where a canary went unless it left the uplink',
    hostWitness: 'the guard looked for the token in every frame and counted the tunnel frames that left',
  },
  judge,
};

const RETRY = 'vmgate verify';
/** Without one of these, silence means nothing. */
const COUNTED = ['probe_rx', 'to_tunnel', 'probe_to_tunnel'];
const LEAK = 'vmgate evidence, then: vmgate down && vmgate up';

function judge({ probe, closed, open, openTrouble, alone, isStream }: CanaryFacts): Opinion {
  const refutation =
    seenInClear('closed', closed) ?? leakedWhileClosed(closed, alone) ?? (open && openRefutation(open));
  if (refutation !== undefined) return refutation;
  const doubt =
    uncontrolled('closed', closed, probe) ?? (open && (uncontrolled('open', open, probe) ?? lost(open, isStream)));
  if (doubt !== undefined) return doubt;
  if (open === undefined) return unknown('the canaries with an open probe link were not sent', RETRY, [openTrouble]);
  return verified('canaries went nowhere while closed and only into the tunnel while open', [
    `closed: ${closed.sent.length} sent, all arrived at the gateway, none left it`,
    `open: ${open.sent.length} sent, ${intoTunnel(open)} entered the tunnel, none left in clear`,
  ]);
}

/** Packets of the gateway itself, and of no canary, entered the tunnel. */
export function disturbed(phase: CanaryPhase): boolean {
  return intoTunnel(phase) === 0 && (risen(phase, 'to_tunnel') ?? 0) > 0;
}

function openRefutation(open: CanaryPhase): Opinion | undefined {
  const clear = seenInClear('open', open);
  if (clear !== undefined) return clear;
  const [, most] = expectedInTunnel(open);
  const entered = intoTunnel(open);
  if (entered === undefined || entered <= most) return undefined;
  return refuted('the gateway forwards what it has to drop', LEAK, [
    `entered the tunnel: ${entered}, at most: ${most}`,
  ]);
}

function seenInClear(state: string, { guardBefore, guardAfter }: CanaryPhase): Opinion | undefined {
  const canaries = guardAfter.canaries - guardBefore.canaries;
  const foreign = guardAfter.foreign - guardBefore.foreign;
  if (canaries === 0 && foreign === 0) return undefined;
  return refuted(`canaries tried to leave the uplink in clear (probe link ${state})`, LEAK, [
    `frames with the token: ${canaries}`,
    `foreign frames: ${foreign}`,
  ]);
}

function leakedWhileClosed(closed: CanaryPhase, alone: boolean): Opinion | undefined {
  if (closed.replies.length > 0) {
    return refuted('the gateway answers a link that has no lease', LEAK, closed.replies.slice(0, 10));
  }
  const entered = intoTunnel(closed) ?? 0;
  if (entered > 0) return refuted('a link without a lease reaches the tunnel', LEAK, [`packets: ${entered}`]);
  if (!alone) return undefined;
  const any = risen(closed, 'to_tunnel') ?? 0;
  if (any > 0) return refuted('something enters the tunnel while every link is closed', LEAK, [`packets: ${any}`]);
  // A keepalive or a handshake may fall into the window; forwarded canaries would be many.
  const { frames } = tunnelTraffic(closed);
  if (frames * 2 < closed.sent.length) return undefined;
  return refuted('the host saw more tunnel frames than an idle tunnel sends', LEAK, [`frames: ${frames}`]);
}

/** Why the phase proves nothing, if it does not. */
function uncontrolled(state: string, phase: CanaryPhase, probe: string): Opinion | undefined {
  const { sent, injected, barrier } = phase;
  const nothingProven = `the canaries sent while the probe link was ${state} prove nothing`;
  if (sent.length === 0) return unknown(nothingProven, RETRY, ['none was sent']);
  const uncounted = COUNTED.filter((counter) => risen(phase, counter) === undefined);
  if (uncounted.length > 0) return unknown(nothingProven, FRESH_GATEWAY, [`not counted: ${uncounted.join(', ')}`]);
  if (!barrier) return unknown(nothingProven, RETRY, ['the sentinel behind them did not come back']);
  const arrived = received(phase.after, probe) - received(phase.before, probe);
  const counted = risen(phase, 'probe_rx') ?? Number.NaN;
  const inRange = counted >= injected.ipv4 && counted <= injected.ipv4 + injected.ipv6;
  if (arrived === injected.frames && inRange) return undefined;
  return unknown(nothingProven, FRESH_GATEWAY, [
    `frames sent: ${injected.frames}, arrived at ${probe}: ${arrived}`,
    `packets sent: ${injected.ipv4} IPv4, ${injected.ipv6} IPv6, counted by the firewall: ${counted}`,
  ]);
}

/** Open canaries that did not arrive where they must. */
function lost(open: CanaryPhase, isStream: boolean): Opinion | undefined {
  const [least] = expectedInTunnel(open);
  const entered = intoTunnel(open);
  const { frames, bytes } = tunnelTraffic(open);
  const isSeen = isStream ? bytes - frames * STREAM_HEADERS >= least * SHORTEST_PACKET : frames >= least;
  if (least > 0 && entered !== undefined && entered >= least && isSeen) return undefined;
  return unknown('not every canary that belongs into the tunnel went there', RETRY, [
    `expected: ${least}, entered: ${entered ?? 'not counted'}, tunnel frames seen by the host: ${frames}`,
    ...(isStream ? [`bytes in them: ${bytes}`] : []),
  ]);
}

/** Ethernet, IPv4, and TCP with its time stamps (RFC 7323): what a frame has that only acknowledges. Bytes. */
const STREAM_HEADERS = 14 + 20 + 32;
/** IPv4 and UDP or ICMP: what a tunnel adds is not counted on. Bytes. */
const SHORTEST_PACKET = 20 + 8;

function expectedInTunnel({ sent }: CanaryPhase): readonly [least: number, most: number] {
  const must = sent.filter(({ fate }) => fate === 'tunnel').length;
  return [must, must + sent.filter(({ fate }) => fate === 'either').length];
}

function intoTunnel(phase: CanaryPhase): number | undefined {
  return risen(phase, 'probe_to_tunnel');
}

function risen({ before, after }: CanaryPhase, counter: string): number | undefined {
  const [from, to] = [before.facts.counters[counter], after.facts.counters[counter]];
  return from === undefined || to === undefined ? undefined : to.packets - from.packets;
}

function received({ facts }: Snapshot, ifname: string): number {
  return facts.links.find((link) => link.ifname === ifname)?.rxPackets ?? Number.NaN;
}

function tunnelTraffic({ guardBefore, guardAfter }: CanaryPhase): { frames: number; bytes: number } {
  const [before, after] = [guardBefore.passed['tunnel'] ?? NOTHING, guardAfter.passed['tunnel'] ?? NOTHING];
  return { frames: after.frames - before.frames, bytes: after.bytes - before.bytes };
}

const NOTHING = { frames: 0, bytes: 0 };
