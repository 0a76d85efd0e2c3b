import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildArpRequest, icmpEchoFrame, pcapHeader, pcapRecord, udpFrame } from '../../../src/frame/index.ts';
import { vlanTagged } from '../../../src/lab/index.ts';
import { kindOf, onTheWire, witnessCounts } from '../../../src/lab/witness.ts';

const endpoint = { address: '198.51.100.10', port: 51_820 };
const hop = { sourceMac: '52:54:01:00:00:01', destinationMac: '52:54:4c:00:00:01' };
const flow = {
  source: '192.168.77.50',
  destination: endpoint.address,
  sourcePort: 40_000,
  destinationPort: endpoint.port,
};
const handshake = Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(144, 0x5a)]);

const arp = buildArpRequest({ mac: hop.sourceMac, address: flow.source }, '192.168.77.1');
const tunnel = udpFrame(hop, flow, handshake);
const dhcp = udpFrame(
  hop,
  { source: '0.0.0.0', destination: '255.255.255.255', sourcePort: 68, destinationPort: 67 },
  Buffer.alloc(300),
);

function changed(frame: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(frame);
  copy[at] = value;
  return copy;
}

test('a capture that is not there has nothing in it; one that cannot be read is no proof of that', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-witness-'));
  try {
    expect((await witnessCounts(path.join(folder, 'none.pcap'), endpoint)).foreign).toBe(0);
    await expect(witnessCounts(folder, endpoint)).rejects.toMatchObject({ code: 'EISDIR' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('kindOf', () => {
  test.each([
    ['arp', arp],
    ['dhcp', dhcp],
    ['tunnel', tunnel],
  ] as const)('sees %s', (kind, frame) => {
    expect(kindOf(frame, endpoint)).toBe(kind);
  });

  test.each([
    ['clear text to the endpoint', udpFrame(hop, flow, Buffer.from('GET / HTTP/1.0'))],
    ['WireGuard to somebody else', udpFrame(hop, { ...flow, destination: '198.51.100.66' }, handshake)],
    ['WireGuard to another port', udpFrame(hop, { ...flow, destinationPort: 53 }, handshake)],
    ['a fifth message type', changed(tunnel, 42, 5)],
    ['reserved bytes that are not zero', changed(tunnel, 43, 1)],
    ['a first fragment', changed(tunnel, 20, 0x20)],
    ['a later fragment', changed(tunnel, 21, 0x01)],
    ['IPv4 options', changed(tunnel, 14, 0x46)],
    ['TCP', changed(tunnel, 23, 6)],
    ['ping', icmpEchoFrame(hop, flow, { identifier: 1, sequence: 1, data: Buffer.alloc(16) })],
    ['IPv6', changed(changed(tunnel, 12, 0x86), 13, 0xdd)],
    ['a VLAN tag', vlanTagged(tunnel, 7)],
    ['a VLAN tag before ARP', vlanTagged(arp, 7)],
    ['a runt', tunnel.subarray(0, 13)],
    ['a frame cut in its first message word', tunnel.subarray(0, 45)],
  ])('%s is foreign', (_, frame) => {
    expect(kindOf(frame, endpoint)).toBe('foreign');
  });

  test('has an answer for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(['arp', 'dhcp', 'tunnel', 'foreign']).toContain(kindOf(Buffer.from(bytes), endpoint));
      }),
    );
  });
});

describe('witnessCounts', () => {
  test('counts a pcap by kind', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-witness-'));
    const file = path.join(folder, 'witness.pcap');
    const frames = [arp, tunnel, tunnel, dhcp, vlanTagged(tunnel, 1)];
    writeFileSync(file, Buffer.concat([pcapHeader(65_535), ...frames.map((frame) => pcapRecord(0, frame, 65_535))]));
    expect(await witnessCounts(file, endpoint)).toEqual({ arp: 1, dhcp: 1, tunnel: 2, foreign: 1 });
    rmSync(folder, { recursive: true });
  });

  test('without a file nothing has left', async () => {
    expect(await witnessCounts('/nonexistent/witness.pcap', endpoint)).toEqual({
      arp: 0,
      dhcp: 0,
      tunnel: 0,
      foreign: 0,
    });
  });

  test('the wire knows the same kinds', () => {
    expect(onTheWire({ arp: 1, dhcp: 2, tunnel: 3, foreign: 4, stranger: 5, portal: 6 })).toEqual({
      arp: 1,
      dhcp: 2,
      tunnel: 3,
      foreign: 4,
    });
  });
});
