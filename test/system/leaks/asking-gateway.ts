/** A gateway behind its guard that asks the lab for an address, and what the lab captured of it since it booted. */
import { planLinks } from '../../../src/core/link-plan.ts';
import { compileNft, renderNft } from '../../../src/core/policy/index.ts';
import { startGuard } from '../../../src/guard/index.ts';
import type { Lab } from '../../../src/lab/index.ts';
import { buildProgram } from '../../unit/guard/build.ts';
import { bootGateway, controlOf } from '../gateway/booted-gateway.ts';
import type { IdleGateway } from './idle-uplink.ts';
import { GUARDS } from './wired-gate.ts';

const ARM_MS = 4_500;

export async function askForAddress(lab: Lab): Promise<{ readonly gateway: IdleGateway; readonly pcap: Buffer }> {
  const links = planLinks(['dev'], { kind: 'dhcp' }, [], 0x1eaf);
  const { mac } = links.uplink;
  const uplink = { mac, address: undefined, nextHop: undefined, dhcp: true };
  const policy = { uplink, endpoints: [], links: [...links.work, links.probe], tunnel: undefined };
  const undo: (() => unknown)[] = [];
  try {
    const booted = await bootGateway(renderNft(compileNft(policy)), { links, uplink: lab.uplink });
    undo.push(booted.stop);
    const evidence = { evidence: `${booted.folder}/evidence`, evidenceMaxBytes: 65_536 };
    const setup = { ...booted.gateway.guardSockets, ...evidence };
    const guard = await startGuard({ setup, uplink, entry: await buildProgram(GUARDS.judging) });
    undo.push(() => guard.kill());
    const heartbeat = setInterval(() => guard.arm(1, ARM_MS), 1_000);
    undo.push(() => clearInterval(heartbeat));
    const control = await controlOf(booted);
    undo.push(() => control.close());
    const { address, nextHop } = await control.uplink();
    return { gateway: { mac, address, nextHop, endpoint: lab.endpoint }, pcap: await lab.capture('all') };
  } finally {
    for (const step of undo.reverse()) await step();
  }
}
