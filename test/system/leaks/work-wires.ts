/** Two machines on the wires of two work VMs, in the VMs' place. */
import { Installation } from '../../../src/drivers/index.ts';
import {
  buildArpReply,
  buildArpRequest,
  ETHER_TYPES,
  parseArp,
  parseEthernet,
  tcpSynFrame,
  udpFrame,
} from '../../../src/frame/index.ts';
import { standOn } from '../../../src/lab/index.ts';
import { until } from './volley.ts';
import { LINKS, type WiredGate } from './wired-gate.ts';

const [link = LINKS.probe, neighbour = LINKS.probe] = LINKS.work;

export { link, neighbour };

const HOP = { sourceMac: link.guestMac, destinationMac: link.gatewayMac };
const PORTS = [...Array.from({ length: 1_023 }, (_, index) => index + 1), 2_049, 3_389, 5_900, 8_080, 51_820];

export interface WorkWires {
  /** What arrived on the first one's wire, and at the neighbour; to be emptied between tests. */
  readonly heard: Buffer[];
  readonly atNeighbour: Buffer[];
  /** A datagram from the first to the neighbour. */
  tellNeighbour(mark: string): void;
  askWho(address: string): void;
  /** A SYN and a datagram to well-known ports of the gateway. */
  knock(): void;
  /** Addresses that answered {@link askWho}. */
  answers(): readonly string[];
  /** Resolves when the gateway has looked at all that was sent, on both wires, and its answers have arrived. */
  barrier(): Promise<void>;
  close(): Promise<void>;
}

export async function standOnWires(gate: WiredGate): Promise<WorkWires> {
  const on = ({ ifname }: { readonly ifname: string }) => {
    const { guestPath, gatewayPath } = gate.wireOf(ifname);
    const place = { folder: `${guestPath}.st`, localPath: guestPath, remotePath: gatewayPath };
    return standOn(place, new Installation());
  };
  const [first, second] = await Promise.all([on(link), on(neighbour)]);
  const heard: Buffer[] = [];
  const atNeighbour: Buffer[] = [];
  first.onFrame((frame) => heard.push(frame));
  second.onFrame((frame) => {
    atNeighbour.push(frame);
    // It is there and can be asked for: the gateway delivers to nobody else.
    const arp = parseArp(parseEthernet(frame)?.payload ?? Buffer.alloc(0));
    if (arp?.operation !== 'request' || arp.targetAddress !== neighbour.guest) return;
    const asker = { mac: neighbour.gatewayMac, address: neighbour.gateway };
    second.send(buildArpReply({ mac: neighbour.guestMac, address: neighbour.guest }, asker));
  });
  const askWho = (address: string) => first.send(buildArpRequest({ mac: link.guestMac, address: link.guest }, address));
  return {
    heard,
    atNeighbour,
    askWho,
    tellNeighbour: (mark) => {
      const flow = { source: link.guest, destination: neighbour.guest, sourcePort: 22_000, destinationPort: 9 };
      first.send(udpFrame(HOP, flow, Buffer.from(mark)));
    },
    knock: () => {
      for (const [index, destinationPort] of PORTS.entries()) {
        const flow = { source: link.guest, destination: link.gateway, sourcePort: 30_000 + index, destinationPort };
        first.send(tcpSynFrame(HOP, flow, 1));
        // DHCP is always answered.
        if (destinationPort !== 67) first.send(udpFrame(HOP, flow, Buffer.from('anybody?')));
      }
    },
    answers: () => answeredBy(heard),
    barrier: async () => {
      const [before, beforeNeighbour] = [answeredBy(heard).length, answeredBy(atNeighbour).length];
      askWho(link.gateway);
      await until(() => answeredBy(heard).length > before, 'the gateway did not answer');
      second.send(buildArpRequest({ mac: neighbour.guestMac, address: neighbour.guest }, neighbour.gateway));
      await until(() => answeredBy(atNeighbour).length > beforeNeighbour, 'the gateway did not answer the neighbour');
    },
    close: async () => {
      await Promise.all([first.close(), second.close()]);
    },
  };
}

function answeredBy(frames: readonly Buffer[]): readonly string[] {
  return frames.flatMap((bytes) => {
    const frame = parseEthernet(bytes);
    const arp = frame?.etherType === ETHER_TYPES.arp ? parseArp(frame.payload) : undefined;
    return arp?.operation === 'reply' ? [arp.senderAddress] : [];
  });
}
