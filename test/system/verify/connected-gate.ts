/** A real gateway behind a real guard, its tunnel up to a real lab: what the supervisor has before it verifies. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { compileNft, type Defence, type EgressPolicy, renderNft } from '../../../src/core/policy/index.ts';
import { Installation } from '../../../src/drivers/index.ts';
import type { GatewayControl } from '../../../src/gateway/index.ts';
import type { Guard } from '../../../src/guard/guard.ts';
import { startGuard } from '../../../src/guard/index.ts';
import { monotonicMs, wallMs } from '../../../src/host/index.ts';
import { Lab } from '../../../src/lab/index.ts';
import { probeStand, type VerifyContext } from '../../../src/verify/index.ts';
import { planWireGuard } from '../../../src/vpn/index.ts';
import { buildProgram } from '../../unit/guard/build.ts';
import { bootGateway, bootPolicy, controlOf, plan } from '../gateway/booted-gateway.ts';
import { currentScripts, labImage } from '../lab/lab-image.ts';

const LOCAL_PORT = 40_001;
const MARK = 0x766d;
const ARM_MS = 4_500;

export interface ConnectedGate {
  readonly lab: Lab;
  readonly control: GatewayControl;
  readonly guard: Guard;
  readonly policy: EgressPolicy;
  readonly context: VerifyContext;
  /** Loads the policy without some of its defences; all of them again without an argument. */
  readonly reload: (...removed: readonly Defence[]) => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function connectGate(): Promise<ConnectedGate> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-vfy-'));
  const undo: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const [lab, booted] = await Promise.all([
      Lab.start({
        folder: path.join(folder, 'lab'),
        attachment: 'user',
        image: await labImage(),
        installation: new Installation(),
        overlay: await currentScripts(),
      }),
      bootGateway(),
    ]);
    undo.push(() => lab.stop(), booted.stop);
    const guard = await startGuard({
      setup: {
        ...booted.gateway.guardSockets,
        evidence: path.join(folder, 'evidence'),
        evidenceMaxBytes: 1_048_576,
      },
      uplink: bootPolicy.uplink,
      entry: await buildProgram('src/guard/main.ts'),
    });
    undo.push(() => guard.kill());
    const control = await controlOf(booted);
    undo.push(() => control.close());
    const { bootId } = booted;
    const profile = planWireGuard(lab.profile, 'lab.conf', { split: false, dns: [] });
    const policy: EgressPolicy = {
      ...bootPolicy,
      endpoints: [{ ...lab.endpoint, protocol: 'udp', shape: 'wireguard' }],
      tunnel: {
        ifname: 'tun0',
        routes: profile.plan.routes,
        resolvers: profile.plan.resolvers,
        localPort: LOCAL_PORT,
        mark: MARK,
        mtu: profile.plan.mtu,
      },
    };
    guard.setPolicy(policy.uplink, policy.endpoints, policy.tunnel);
    guard.arm(1, ARM_MS);
    const heartbeat = setInterval(() => guard.arm(1, ARM_MS), 1_000);
    undo.push(() => clearInterval(heartbeat));
    const reload = (...removed: readonly Defence[]) =>
      control.apply(renderNft(compileNft(policy, lab.pass({ removedDefences: [...removed] }).removedDefences)));
    const connectBeganMs = wallMs();
    await control.setClock(connectBeganMs);
    await reload();
    await control.tunnel(profile.plan, profile.secrets, lab.endpoint, policy);
    const stand = probeStand(() => booted.gateway.openProbe(), plan.probe);
    undo.push(() => stand.close());
    const kernel = { name: 'kernel', digest: `sha256:${'a'.repeat(64)}`, bytes: 1 };
    const context: VerifyContext = {
      control,
      guard,
      stand,
      plan,
      policy,
      tunnelPlan: profile.plan,
      connectBeganMs,
      bootId,
      image: { identity: 'sha256:1', recorded: 'sha256:1', recordedIn: 'here', manifest: [kernel], booted: [kernel] },
      exit: undefined,
      clock: { wallMs, monotonicMs },
      lab: lab.pass(),
    };
    return { lab, control, guard, policy, context, reload, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
