/** A verification's context around a {@link FakeGate}, and its report by check. */
import type { Verdict } from '../../../src/core/verdict.ts';
import { probeStand, type VerifyContext, type VerifyReport } from '../../../src/verify/index.ts';
import type { TunnelPlan } from '../../../src/vpn/tunnel-plan.ts';
import { NOW, PEER, plan, policy, tunnelAddresses } from '../core/checks/facts.ts';
import type { FakeGate } from './fake-gate.ts';

export const tunnelPlan: TunnelPlan = {
  kind: 'wireguard',
  alternatives: [],
  assigned: false,
  endpoint: { host: 'vpn.example', port: 51_820, protocol: 'udp', shape: 'wireguard' },
  peerIdentity: PEER,
  addresses: tunnelAddresses,
  routes: ['0.0.0.0/0'],
  split: false,
  resolvers: ['10.66.0.1'],
  searchDomains: [],
  mtu: 1420,
};

const kernel = { name: 'kernel', digest: `sha256:${'a'.repeat(64)}`, bytes: 1 };

export function contextOf(gate: FakeGate, change: Partial<VerifyContext> = {}): VerifyContext {
  return {
    control: gate.control,
    guard: gate.guard,
    stand: probeStand(gate.openWire, plan.probe),
    plan,
    policy,
    tunnelPlan,
    connectBeganMs: NOW - 8_000,
    bootId: 'boot-1',
    image: {
      identity: 'sha256:1',
      recorded: 'sha256:1',
      recordedIn: 'recorded when it was built here',
      manifest: [kernel],
      booted: [kernel],
    },
    exit: undefined,
    clock: { wallMs: () => NOW, monotonicMs: () => performance.now() },
    lab: undefined,
    ...change,
  };
}

export function outcomes(report: VerifyReport): Record<string, string> {
  return Object.fromEntries(report.verdicts.map(({ check, outcome }) => [check, outcome]));
}

export function verdict(report: VerifyReport, check: Verdict['check']): Verdict {
  const found = report.verdicts.find((entry) => entry.check === check);
  if (found === undefined) throw new Error(`no verdict on ${check}`);
  return found;
}
