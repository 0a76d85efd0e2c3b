/** Where a frame wanted to go, without what makes each one its own: frames of one purpose share a line. */
import { classify } from './classify.ts';

/** One line of ASCII, e.g. `dns to 8.8.8.8:53`. */
export function describeFlow(frame: Buffer): string {
  const seen = classify(frame);
  switch (seen.kind) {
    case 'garbled':
      return 'garbled';
    case 'other':
      return `type 0x${seen.ethernet.etherType.toString(16).padStart(4, '0')}`;
    case 'arp':
      return `arp ${seen.arp.operation} about ${seen.arp.targetAddress}`;
    case 'ipv6':
      return `ipv6 to ${seen.ip.destination}, next header ${seen.ip.nextHeader}`;
    case 'ipv4':
      return `ipv4 to ${seen.ip.destination}, protocol ${seen.ip.protocol}`;
    case 'icmp':
      return `icmp to ${seen.ip.destination}, type ${seen.icmp.type}`;
    case 'tcp':
      return `tcp to ${seen.ip.destination}:${seen.tcp.destinationPort}`;
    case 'dns':
    case 'dhcp':
    case 'udp':
      return `${seen.kind} to ${seen.ip.destination}:${seen.udp.destinationPort}`;
  }
}
