/** Runners that look: full verification, pulse, and the lease that a good one earns. */

import type { ExitExpectation } from '../config/index.ts';
import type { ExitSettings } from '../core/checks/exit.ts';
import type { CodedEvent } from '../core/coded.ts';
import type { Verdict } from '../core/verdict.ts';
import type { GatewayCounts } from '../gateway/protocol.ts';
import { monotonicMs, wallMs } from '../host/index.ts';
import { probeStand, type VerifyContext, type VerifyMode, type VerifyReport } from '../verify/index.ts';
import { events } from './codes.ts';
import { connectionOf } from './connect.ts';
import type { Runners } from './loop.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

export function checkRunners(world: World): Pick<Runners, 'verify' | 'pulse' | 'lease'> {
  return {
    verify: async ({ generation, admitted }) => {
      const { verdicts, claim } = await look(world, 'full', admitted);
      for (const verdict of verdicts) tell(world, verdict);
      const { maxAgeMs, everyMs } = sessionOf(world).config.config.verify;
      return { type: 'judged', generation, verdicts, claim, nowMs: monotonicMs(), maxAgeMs, everyMs };
    },
    pulse: async ({ generation, admitted }) => {
      const { verdicts } = await look(world, 'cheap', admitted);
      return { type: 'pulsed', generation, verdicts };
    },
    lease: async ({ generation, admitted, raise }) => {
      const { signal } = world.attempt;
      await connectionOf(world).lane.run(() => {
        const { tunnel } = connectionOf(world).policy;
        const outward = tunnel !== undefined && world.outlets.useTunnel ? [tunnel.ifname] : [];
        return grant(world, [...linksOf(world, admitted), ...outward], signal);
      });
      return { type: 'leased', generation, raise };
    },
  };
}

/** One verification; a close ends it. */
async function look(world: World, mode: VerifyMode, admitted: readonly string[]): Promise<VerifyReport> {
  const { signal } = world.attempt;
  const connection = connectionOf(world);
  const report = await connection.lane.run(async () => {
    signal.throwIfAborted();
    const held = [...linksOf(world, admitted), ...tunnelHeld(world)];
    // A VM that ended since the last lease still holds one: a check would take its link for one nobody opened.
    if (connection.granted.some((link) => !held.includes(link))) await grant(world, held, signal);
    return world.parts.verifyGate(contextOf(world, signal), { mode, held, signal });
  });
  signal.throwIfAborted();
  return report;
}

/** The tunnel's own lease is given while the gate is open, never to begin a verification with. */
function tunnelHeld(world: World): readonly string[] {
  const { granted, policy } = connectionOf(world);
  return granted.filter((ifname) => ifname === policy.tunnel?.ifname && world.outlets.useTunnel);
}

/** Leases for `links` and the probe link, none for any other. In the connection's lane. */
export async function grant(world: World, links: readonly string[], signal: AbortSignal): Promise<void> {
  const connection = connectionOf(world);
  await controlOf(world, signal).lease([...links, sessionOf(world).plan.probe.ifname]);
  connection.granted = links;
}

/** A check that a close has overtaken asks for leases no more: the close has just taken them away. */
function controlOf(world: World, signal: AbortSignal): VerifyContext['control'] {
  const { control } = sessionOf(world);
  const connection = connectionOf(world);
  const metered = <T extends Pick<GatewayCounts, 'links' | 'counters'>>(seen: T): T => {
    connection.counters = seen.counters;
    const ifname = connection.policy.tunnel?.ifname;
    world.meter.received(seen.links.find((link) => link.ifname === ifname)?.rxBytes ?? 0);
    return seen;
  };
  return {
    facts: async () => metered(await world.outlets.pace.by(control.facts())),
    counts: async () => metered(await control.counts()),
    unlease: () => control.unlease(),
    dial: (address, port) => control.dial(address, port),
    lease: async (ifnames) => {
      signal.throwIfAborted();
      return control.lease(ifnames);
    },
  };
}

function linksOf(world: World, vms: readonly string[]): readonly string[] {
  return sessionOf(world)
    .plan.work.filter(({ workVm }) => vms.includes(workVm))
    .map(({ ifname }) => ifname);
}

function contextOf(world: World, signal: AbortSignal): VerifyContext {
  const session = sessionOf(world);
  const { policy, beganMs, plan: tunnelPlan, through } = connectionOf(world);
  const { plan, image, identity, boot, config, guard, gateway } = session;
  world.probe ??= probeStand(() => gateway.openProbe(), plan.probe);
  const { exit } = config.config.verify;
  return {
    control: controlOf(world, signal),
    guard,
    stand: world.probe,
    plan,
    policy,
    tunnelPlan,
    through: through.map((hop) => hop.plan),
    connectBeganMs: beganMs,
    bootId: session.bootId,
    image: {
      identity,
      recorded: image.digest,
      recordedIn: 'recorded when it was built or imported here',
      manifest: [image.manifest.kernel, ...image.manifest.layers],
      booted: boot.parts,
    },
    exit: exit === undefined ? undefined : { url: exit.url, expect: expectation(exit.expect) },
    clock: { wallMs, monotonicMs },
    lab: world.lab,
  };
}

function expectation(expect: ExitExpectation): ExitSettings['expect'] {
  return expect.kind === 'address' ? expect.prefixes : { json: expect.fields };
}

function tell(world: World, { check, outcome, summary, durationMs }: Verdict): CodedEvent {
  return world.emit(events.GATE_CHECK, { check, outcome, summary, ms: Math.round(durationMs) });
}
