/** The part of a fault's hand that plays the untrusted network and its neighbours. */
import path from 'node:path';
import type { LinkPlan } from '../core/link-plan.ts';
import type { Stage } from '../demo/index.ts';
import { parsePcap } from '../frame/index.ts';
import { readJournal } from '../home/index.ts';
import { kindOf, LAB } from '../lab/index.ts';
import type { FaultHand, ForgeTarget } from './faults.ts';
import { changeResolver } from './host-resolver.ts';

/** Source port in a frame of IPv4 without options. */
const SOURCE_PORT = 34;
/** Where the gate of a wire without DHCP is. */
const FIXED = '192.168.77.50';

/** What stands for this machine's /etc/resolv.conf. */
export function resolvConfOf(stage: Stage): string {
  return path.join(stage.home.root, 'resolv.conf');
}

/** The gateway's address on the untrusted network: the last one it was given. */
export function uplinkAddress(stage: Stage): string {
  const given = readJournal(stage.gate.journal).findLast(({ code }) => code === 'GATE_ADDRESS');
  return (given?.payload as { readonly address?: string } | undefined)?.address ?? FIXED;
}

type NetworkHand = Pick<FaultHand, 'dhcp' | 'serverKey' | 'changeResolver' | 'forge' | 'scan'>;

/** `act` is called when the hand acts, to the moment. */
export function networkHand(stage: Stage, plan: () => LinkPlan, act: () => void): NetworkHand {
  const { lab } = stage;
  const target = async (): Promise<ForgeTarget> => {
    const { mac } = plan().uplink;
    const captured = parsePcap(await lab.capture('all')) ?? [];
    const tunnel = captured.findLast(({ frame }) => kindOf(frame, LAB.endpoint) === 'tunnel');
    return { mac, address: uplinkAddress(stage), tunnelPort: tunnel?.frame.readUInt16BE(SOURCE_PORT) ?? 0 };
  };
  return {
    dhcp: (offers) => lab.dhcp(offers),
    serverKey: (which) => lab.serverKey(which),
    changeResolver: () => {
      act();
      return changeResolver(resolvConfOf(stage));
    },
    forge: async (frames) => {
      const forged = frames(await target());
      act();
      await lab.inject(forged);
    },
    scan: async () => {
      const { mac, address } = await target();
      act();
      await lab.scan({ mac, address });
    },
  };
}
