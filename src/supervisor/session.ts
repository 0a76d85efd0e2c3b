/** Runners that make and end a gateway process with its guard and control channel: the one recovery mechanism. */
import path from 'node:path';
import { type LoadedConfig, loadConfig } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import type { GateEvent } from '../core/gate/events.ts';
import { monotonicMs } from '../host/index.ts';
import { bootSession } from './boot-session.ts';
import { cutShort, errors, events } from './codes.ts';
import type { Runners } from './loop.ts';
import type { Session, World } from './world.ts';

/** Below the guard's own limit of 5 s, so that a clock read a little later on its side is no reason to refuse. */
export const ARM_MS = 4_500;

export function sessionOf(world: World): Session {
  if (world.session === undefined) throw new Error('no gateway');
  return world.session;
}

export function sessionRunners(
  world: World,
  post: (event: GateEvent) => void,
): Pick<Runners, 'bootGateway' | 'killGateway' | 'armGuard'> {
  return {
    bootGateway: ({ profile, generation }) => {
      const booting = new AbortController();
      world.booting = booting;
      return world.lifecycle.run(async () => {
        booting.signal.throwIfAborted();
        const began = monotonicMs();
        await dismantle(world);
        // What did not die with its session, or with an earlier supervisor.
        await world.gatewayHost.reap(world.layout.run);
        const config = confirmedConfig(world);
        world.config = config;
        post({ type: 'configured', workVms: config.config.work, profiles: config.config.vpn });
        const session = await bootSession(world, config, profile, booting.signal);
        world.session = session;
        const { name } = session.profile;
        if (world.lastProfile !== undefined && world.lastProfile !== name)
          world.emit(events.GATE_VPN_SWITCHED, { from: world.lastProfile, to: name });
        world.lastProfile = name;
        world.meter.began();
        watch(world, session, generation, post);
        world.emit(events.GATE_STEP, { step: 'gateway booted', ms: Math.round(monotonicMs() - began), detail: '' });
        return { type: 'booted', generation, dhcp: session.plan.uplink.addressing.kind === 'dhcp' };
      });
    },
    killGateway: async ({ generation }) => {
      await endSession(world);
      return { type: 'gatewayKilled', generation };
    },
    armGuard: ({ generation }) => {
      world.session?.guard.arm(generation, ARM_MS);
      return undefined;
    },
  };
}

/** Ends the gateway there is, or the one that boots. Idempotent. */
export function endSession(world: World): Promise<void> {
  world.booting.abort(cutShort());
  return world.lifecycle.run(() => dismantle(world));
}

/** Guard first: with it gone nothing leaves, whatever the gateway still does. */
async function dismantle(world: World): Promise<void> {
  const { session, probe } = world;
  world.session = undefined;
  world.connection = undefined;
  world.signIn = undefined;
  world.offered = undefined;
  world.probe = undefined;
  if (session === undefined) return;
  // Not waited for: the hypervisor it talks to is ended next.
  void probe?.close();
  try {
    await session.guard.kill();
    session.control.close();
    await session.gateway.kill();
  } finally {
    session.key.release();
  }
}

/**
 * What the last `up` confirmed, whatever the file says by now (P7): a gate that recovers by itself must not pick up what
 * a `git pull` brought meanwhile.
 */
function confirmedConfig({ config, configPath, confirmed, home }: World): LoadedConfig {
  if (config !== undefined && config.digest === confirmed) return config;
  const loaded = loadConfig(path.dirname(configPath), home.root);
  if (loaded.path === configPath && loaded.digest === confirmed) return loaded;
  throw VmgateError.of(errors.GATE_CONFIG_CHANGED, { path: configPath });
}

/** Turns what happens to the parts by itself into events. */
function watch(world: World, session: Session, generation: number, post: (event: GateEvent) => void): void {
  const lost = (part: 'guard' | 'gateway' | 'control channel') => (detail: string) => {
    // Of a gateway that was ended meanwhile: news of it must not close the one after it.
    if (world.session !== session) return;
    post({ type: 'partLost', generation, fault: VmgateError.of(errors.GATE_PART_LOST, { part, detail }).serialize() });
  };
  void session.gateway.ended.then(({ detail }) => lost('gateway')(detail));
  void session.guard.ended.then(lost('guard'));
  void session.control.closed.then(lost('control channel'));
  session.guard.onReport((report) => {
    if (report.type === 'counts') {
      if (world.session === session) world.meter.counted(report.counts);
    } else if (report.type === 'violation') {
      const { why, frame, canary, recorded } = report;
      world.meter.violated(recorded);
      world.emit(events.GATE_FOREIGN_FRAME, { why, frame, canary, recorded });
      const fault = VmgateError.of(errors.GATE_VIOLATED, { why, frame });
      post({ type: 'violation', fault: fault.serialize() });
    } else if (report.type === 'gateway-lost') {
      lost('gateway')(report.why);
    } else if (report.type === 'disarmed' && report.why === 'portal') {
      if (world.session === session && world.signIn !== undefined) post(world.signIn.timeOver);
    } else if (report.type === 'disarmed' && (report.why === 'deadline' || report.why === 'clock-jump')) {
      // It did what it is there for, and is as good as before.
      if (world.session !== session) return;
      post({ type: 'shaken', fault: VmgateError.of(errors.GATE_GUARD_STOPPED, { why: report.why }).serialize() });
    }
  });
}
