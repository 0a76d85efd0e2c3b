import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { classify, parseEthernet } from '../../../src/frame/index.ts';
import { labArgv } from '../../../src/lab/argv.ts';
import { clientProfile, newClientKey } from '../../../src/lab/client-profile.ts';
import { scanFrames } from '../../../src/lab/hostile-frames.ts';
import {
  arpSpoof,
  dhcpv6Reply,
  fragmentationNeeded,
  icmpRedirect,
  LAB,
  neighbourRedirect,
  routerAdvertisement,
} from '../../../src/lab/index.ts';
import { publishedPort } from '../../../src/lab/published-port.ts';
import { planWireGuard } from '../../../src/vpn/index.ts';
import { expectGolden } from '../golden.ts';

const guestFile = (name: string) =>
  readFileSync(new URL(`../../../provision/lab/rootfs/${name}`, import.meta.url), 'utf8');

test('the command line, whole', () => {
  const machine = {
    folder: '/h/lab',
    kernel: '/h/lab/kernel',
    initramfs: '/h/lab/initramfs',
    arch: 'amd64',
    memoryMiB: 128,
    wire: { localPath: '/h/lab/wifi.sock', remotePath: '/h/lab/client.sock' },
  } as const;
  const qemu = { binary: '/usr/bin/qemu-system-x86_64', version: '7.2.22', accel: 'tcg', sandbox: true } as const;
  const golden = fileURLToPath(new URL('./golden/lab-amd64.argv', import.meta.url));
  expectGolden(golden, `${labArgv(machine, qemu).join('\n')}\n`);
});

test('host and guest agree on who is who', () => {
  const said = new Map(
    [...guestFile('usr/lib/lab/addresses').matchAll(/^(\w+)=(\S+)/gm)].map(([, name, value]) => [name, value]),
  );
  expect(said.get('ROUTER')).toBe(LAB.router);
  expect(said.get('ENDPOINT')).toBe(LAB.endpoint.address);
  expect(said.get('PORT')).toBe(String(LAB.endpoint.port));
  expect(said.get('STRANGER')).toBe(LAB.stranger);
  expect(said.get('INSIDE')).toBe(LAB.inside);
  expect(said.get('EXIT')).toBe(LAB.exit);
  const network = guestFile('usr/lib/lab/network');
  for (const mac of [LAB.routerMac, LAB.publishedMac]) expect(network).toContain(mac);
  for (const name of [LAB.siteName, LAB.v6OnlyName, LAB.site]) expect(guestFile('etc/lab/vpn.dnsmasq')).toContain(name);
  expect(guestFile('etc/lab/internet.dnsmasq')).toContain(LAB.lie);
});

describe('the profile', () => {
  test('is one that vmgate takes', () => {
    const [client, server] = [newClientKey(), newClientKey()];
    const { plan } = planWireGuard(clientProfile(client, server.publicKey, LAB.endpoint), 'lab.conf', {
      split: false,
      dns: [],
    });
    expect(plan).toMatchObject({
      endpoint: { host: LAB.endpoint.address, port: LAB.endpoint.port },
      peerIdentity: server.publicKey,
      split: false,
      resolvers: [LAB.inside],
    });
  });

  test('has a fresh key each time', () => {
    expect(newClientKey().privateKey).not.toBe(newClientKey().privateKey);
  });
});

describe('the published port', () => {
  const saying = (text: string) => ({ execute: async () => text });
  const header = '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n';

  test('is the one QEMU lists', async () => {
    const line = '  UDP[HOST_FORWARD]  11       127.0.0.1 36193       10.0.2.15 51820     0     0\r\n';
    expect(await publishedPort(saying(`Hub -1 (pub):\r\n${header}${line}`))).toBe(36_193);
  });

  test('is not guessed', async () => {
    await expect(publishedPort(saying(header))).rejects.toMatchObject({ code: 'LAB_NOT_PUBLISHED' });
  });
});

describe('hostile frames', () => {
  const target = { mac: '52:54:01:00:00:01', address: '192.168.77.50' };

  test('a scan asks each port twice, and pings', () => {
    const frames = scanFrames({ ...target, ports: [22, 53] });
    expect(frames).toHaveLength(5);
    expect(frames.every((frame) => parseEthernet(frame)?.destination === target.mac)).toBe(true);
    expect(scanFrames(target).length).toBeGreaterThan(2_000);
  });

  test('a spoofed answer claims the victim for the lab', () => {
    expect(parseEthernet(arpSpoof('192.168.77.9', target))).toMatchObject({
      source: LAB.routerMac,
      destination: target.mac,
    });
  });

  test('a router advertisement is well-formed ICMPv6', () => {
    const frame = routerAdvertisement();
    expect(classify(frame)).toMatchObject({ kind: 'ipv6' });
    // Type 134 after Ethernet and IPv6 headers; the options fill the length they claim.
    expect(frame[54]).toBe(134);
    expect(frame.readUInt16BE(18)).toBe(frame.length - 54);
  });

  test('so are a redirect for the site with IPv6, and what answers no DHCPv6 question', () => {
    expect([neighbourRedirect()[54], neighbourRedirect().readUInt16BE(18)]).toEqual([
      137,
      neighbourRedirect().length - 54,
    ]);
    expect(classify(dhcpv6Reply())).toMatchObject({ kind: 'ipv6' });
    expect([dhcpv6Reply().readUInt16BE(54), dhcpv6Reply().readUInt16BE(56)]).toEqual([547, 546]);
  });

  test('forged errors quote the flow, to the one who sent it', () => {
    const about = { source: target.address, destination: '198.51.100.10', sourcePort: 40_001, destinationPort: 51_820 };
    const error = { hop: { sourceMac: LAB.routerMac, destinationMac: target.mac }, source: LAB.router, about };
    for (const [frame, type, code] of [
      [icmpRedirect(error, '192.168.77.66'), 5, 1],
      [fragmentationNeeded(error, 552), 3, 4],
    ] as const) {
      expect(classify(frame)).toMatchObject({
        kind: 'icmp',
        ip: { source: LAB.router, destination: target.address },
        icmp: { type, code, checksumRight: true },
      });
      // The quoted ports, after Ethernet, IP, ICMP and the quoted IP header.
      expect([frame.readUInt16BE(62), frame.readUInt16BE(64)]).toEqual([40_001, 51_820]);
    }
  });
});
