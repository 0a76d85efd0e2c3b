/** Runners that look: full verification, pulse, and the lease that a good one earns. */

import type { ExitExpectation } from '../config/index.ts';
import type { ExitSettings } from '../core/checks/exit.ts';
import type { CodedEvent } from '../core/coded.ts';
import type { Verdict } from '../core/verdict.ts';
import { monotonicMs, wallMs } from '../host/index.ts';
import { probeStand, type VerifyContext, verifyGate } from '../verify/index.ts';
import { events } from './codes.ts';
import { connectionOf } from './connect.ts';
import type { Runners } from './loop.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

export function checkRunners(world: World): Pick<Runners, 'verify' | 'pulse' | 'lease'> {
  return {
    verify: async ({ generation, admitted }) => {
      const { lane } = connectionOf(world);
      const { verdicts, claim } = await lane.run(() =>
        verifyGate(contextOf(world), { mode: 'full', held: linksOf(world, admitted) }),
      );
      for (const verdict of verdicts) tell(world, verdict);
      const { maxAgeMs, everyMs } = sessionOf(world).config.config.verify;
      return { type: 'judged', generation, verdicts, claim, nowMs: monotonicMs(), maxAgeMs, everyMs };
    },
    pulse: async ({ generation, admitted }) => {
      const { lane } = connectionOf(world);
      const { verdicts } = await lane.run(() =>
        verifyGate(contextOf(world), { mode: 'cheap', held: linksOf(world, admitted) }),
      );
      return { type: 'pulsed', generation, verdicts };
    },
    lease: async ({ generation, admitted, raise }) => {
      const { lane } = connectionOf(world);
      const { control, plan } = sessionOf(world);
      await lane.run(() => control.lease([...linksOf(world, admitted), plan.probe.ifname]));
      return { type: 'leased', generation, raise };
    },
  };
}

function linksOf(world: World, vms: readonly string[]): readonly string[] {
  return sessionOf(world)
    .plan.work.filter(({ workVm }) => vms.includes(workVm))
    .map(({ ifname }) => ifname);
}

function contextOf(world: World): VerifyContext {
  const session = sessionOf(world);
  const { policy, beganMs } = connectionOf(world);
  const { plan, image, boot, config, profile, control, guard, gateway } = session;
  world.probe ??= probeStand(() => gateway.openProbe(), plan.probe);
  const { exit } = config.config.verify;
  return {
    control,
    guard,
    stand: world.probe,
    plan,
    policy,
    tunnelPlan: profile.plan,
    connectBeganMs: beganMs,
    bootId: session.bootId,
    image: {
      identity: image.digest,
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
