/**
 * The lab by itself, with a client that defends nothing: every kind of leak the lab must notice happens here, so that
 * its silence elsewhere means something.
 */
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { parsePcap } from '../../../src/frame/index.ts';
import { LAB, Lab, type LabAttachment, routerAdvertisement } from '../../../src/lab/index.ts';
import { CLIENT_MAC, Client } from './client.ts';
import { currentScripts, labImage } from './lab-image.ts';

const BOOT_MS = 300_000;
const TEST_MS = 60_000;
const ADDRESS = '192.168.77.50';

interface Scene {
  readonly folder: string;
  readonly lab: Lab;
  readonly client: Client;
}

async function open(attachment: LabAttachment): Promise<Scene> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-lab-'));
  const image = await labImage();
  const installation = new Installation();
  const overlay = await currentScripts();
  const lab = await Lab.start({
    folder: path.join(folder, 'lab'),
    attachment,
    image,
    installation,
    overlay,
    relay: attachment === 'user',
  });
  const client = await Client.start({ folder: path.join(folder, 'client'), lab, image, installation });
  return { folder, lab, client };
}

async function close({ folder, lab, client }: Scene): Promise<string[]> {
  await client.stop();
  await lab.stop();
  const left = await readdir(folder, { recursive: true });
  await rm(folder, { recursive: true, force: true });
  return left;
}

const nonce = () => randomBytes(12).toString('hex');
const get = (where: string) =>
  `printf 'GET /${where} HTTP/1.0\\r\\n\\r\\n' | timeout 10 nc -w 4 ${LAB.site} 80 | tail -n 1`;

/** The client's VPN, as a real profile says it: wg does not know wg-quick's own keys. */
function connect(lab: Lab): string {
  const settings = lab.profile.replace(/^(?:Address|DNS) .*\n/gm, '');
  return `printf %s '${settings}' >/run/wg.conf
    ip link add tun0 type wireguard && wg setconf tun0 /run/wg.conf && ip addr add ${LAB.client}/32 dev tun0 &&
    ip link set tun0 mtu 1380 up && ip route add ${LAB.site} dev tun0 && ip route add ${LAB.inside} dev tun0`;
}

async function sourcesOf(lab: Lab, mark: string): Promise<string[]> {
  return (await lab.httpLog()).filter(({ path: asked }) => asked === `/${mark}`).map(({ source }) => source);
}

describe('a lab on a wire', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await open('wire');
  }, BOOT_MS);
  afterAll(async () => {
    expect(await close(scene)).toEqual(['client', 'lab']);
  }, TEST_MS);

  test(
    'gives addresses and counts the asking as DHCP',
    async () => {
      const { lab, client } = scene;
      const { output } = await client.run('udhcpc -i up0 -n -q -f -s /bin/true');
      expect(output).toMatch(/lease of 192\.168\.77\.\d+ obtained from 192\.168\.77\.1/);
      const { dhcp, foreign } = await lab.counts();
      expect(dhcp).toBeGreaterThanOrEqual(2);
      expect(foreign).toBe(0);
      await client.run(`ip addr add ${ADDRESS}/24 dev up0; ip route add default via ${LAB.router}`);
    },
    TEST_MS,
  );

  test(
    'a request in clear is answered, logged with its source, counted and captured',
    async () => {
      const { lab, client } = scene;
      const mark = nonce();
      expect(await client.run(get(mark))).toMatchObject({ output: ADDRESS });
      expect(await sourcesOf(lab, mark)).toEqual([ADDRESS]);
      const { arp, foreign } = await lab.counts();
      expect(arp).toBeGreaterThanOrEqual(1);
      expect(foreign).toBeGreaterThanOrEqual(4);
      expect(await lab.framesWith(Buffer.from(mark))).toBe(1);
      expect((await lab.capture('foreign')).includes(mark)).toBe(true);
    },
    TEST_MS,
  );

  test(
    'every public resolver answers in clear and remembers who asked',
    async () => {
      const { lab, client } = scene;
      const name = `${nonce()}.example`;
      await client.run(`nslookup ${name} 8.8.8.8; nslookup ${name} ${LAB.router}`);
      for (const resolver of ['internet', 'wifi'] as const) {
        expect(await lab.dnsLog(resolver)).toContainEqual({ type: 'A', name, source: ADDRESS });
      }
      expect(await lab.dnsLog('vpn')).toEqual([]);
    },
    TEST_MS,
  );

  test(
    'through the tunnel a request comes from the exit, and nothing foreign is on the wire',
    async () => {
      const { lab, client } = scene;
      await lab.resetCounts();
      const mark = nonce();
      expect(await client.run(connect(lab))).toMatchObject({ status: 0 });
      expect(await client.run(get(mark))).toMatchObject({ output: LAB.exit });
      expect(await sourcesOf(lab, mark)).toEqual([LAB.exit]);
      expect(await lab.framesWith(Buffer.from(mark))).toBe(0);
      const json = await client.run(get(`json?${mark}`));
      expect(JSON.parse(json.output)).toEqual({ ip: LAB.exit, vpn: true });
      const counts = await lab.counts();
      expect(counts.foreign).toBe(0);
      expect(counts.tunnel).toBeGreaterThan(4);
      expect(await lab.witnessed()).toMatchObject({ tunnel: counts.tunnel, foreign: 0 });
    },
    TEST_MS,
  );

  test(
    'its https site shows the certificate the lab names',
    async () => {
      const { lab, client } = scene;
      const request = `printf 'GET /ip HTTP/1.0\\r\\n\\r\\n' | timeout 20 socat -t 10 -`;
      const peer = `OPENSSL:${LAB.site}:443,cafile=/run/ca.pem,commonname=${LAB.siteName} 2>/dev/null`;
      const { output } = await client.run(`printf %s '${lab.exitCa}' >/run/ca.pem; ${request} ${peer} | tail -n 1`);
      expect(output).toBe(LAB.exit);
    },
    TEST_MS,
  );

  test(
    'the resolver inside the tunnel knows its zone and nothing else',
    async () => {
      const { lab, client } = scene;
      const lookUp = async (name: string) => (await client.run(`nslookup ${name} ${LAB.inside}`)).output;
      expect(await lookUp(LAB.siteName)).toContain(`Address: ${LAB.site}`);
      expect(await lookUp(LAB.siteName)).not.toContain('NXDOMAIN');
      const sixOnly = await lookUp(LAB.v6OnlyName);
      expect(sixOnly).toContain('2001:db8::80');
      expect(sixOnly).not.toContain(LAB.site);
      const unknown = `${nonce()}.example`;
      expect(await lookUp(unknown)).toContain('NXDOMAIN');
      expect(await lab.dnsLog('vpn')).toContainEqual({ type: 'A', name: unknown, source: LAB.client });
    },
    TEST_MS,
  );

  test.each(['tunnel-silent', 'inside-silent'] as const)(
    '%s stops the tunnel, and without it all is well again',
    async (fault) => {
      const { lab, client } = scene;
      await lab.fault(fault, true);
      const during = nonce();
      expect(await client.run(get(during))).not.toMatchObject({ output: LAB.exit });
      expect(await sourcesOf(lab, during)).toEqual([]);
      await lab.fault(fault, false);
      expect(await client.run(get(nonce()))).toMatchObject({ output: LAB.exit });
    },
    TEST_MS,
  );

  test(
    'resolver-silent leaves the tunnel as it is',
    async () => {
      const { lab, client } = scene;
      await lab.fault('resolver-silent', true);
      expect((await client.run(`timeout 3 nslookup ${LAB.siteName} ${LAB.inside}`)).status).not.toBe(0);
      expect(await client.run(get(nonce()))).toMatchObject({ output: LAB.exit });
      await lab.fault('resolver-silent', false);
    },
    TEST_MS,
  );

  test(
    'another exit address shows',
    async () => {
      const { lab, client } = scene;
      await lab.exitAddress('203.0.113.9');
      const mark = nonce();
      expect(await client.run(get(mark))).toMatchObject({ output: '203.0.113.9' });
      await lab.exitAddress(LAB.exit);
    },
    TEST_MS,
  );

  test(
    'a client that roams follows the stranger: the lab sees it go there',
    async () => {
      const { lab, client } = scene;
      await lab.resetCounts();
      await lab.fault('relayed', true);
      await client.run(get(nonce()));
      await client.run(get(nonce()));
      await lab.fault('relayed', false);
      expect((await client.run('wg show tun0 endpoints')).output).toContain(LAB.stranger);
      const { stranger, foreign } = await lab.counts();
      expect(stranger).toBeGreaterThan(0);
      expect(foreign).toBeGreaterThanOrEqual(stranger);
      const { address, port } = lab.endpoint;
      await client.run(`wg set tun0 peer ${lab.serverPublicKey} endpoint ${address}:${port}`);
    },
    TEST_MS,
  );

  test(
    'an open machine answers a scan and a connection from the VPN side',
    async () => {
      const { lab } = scene;
      const { probes, answers } = await lab.scan({ mac: CLIENT_MAC, address: ADDRESS });
      expect(probes).toBeGreaterThan(2_000);
      expect(answers).toBeGreaterThan(probes / 4);
      expect(await lab.connectIn('ping', LAB.client)).toBe('answered');
      expect(await lab.connectIn('tcp', LAB.client, 22)).toBe('refused');
    },
    TEST_MS,
  );

  test(
    'injected frames arrive as they are',
    async () => {
      const { lab, client } = scene;
      const sent = routerAdvertisement();
      await client.run('tcpdump -Z root -n -U -i up0 -c 1 -w /run/ra icmp6 >/dev/null 2>&1 & sleep 1');
      await lab.inject([sent]);
      const arrived =
        'for try in 1 2 3 4 5 6 7 8 9; do [ $(wc -c </run/ra) -gt 24 ] && break; usleep 300000; done; base64 -w 0 /run/ra';
      const pcap = Buffer.from((await client.run(arrived)).output, 'base64');
      expect(parsePcap(pcap)?.map(({ frame }) => frame.toString('hex'))).toEqual([sent.toString('hex')]);
    },
    TEST_MS,
  );

  test(
    'what leaks into the lab cannot reach the host through it',
    async () => {
      const { client } = scene;
      const socket = dgram.createSocket('udp4');
      const heard: string[] = [];
      socket.on('message', (message) => heard.push(message.toString('latin1')));
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      const { port } = socket.address();
      for (const host of ['10.0.2.2', '10.0.2.3']) {
        await client.run(`echo from-${host} | timeout 3 socat -t 1 - UDP4:${host}:${port}`);
      }
      // The positive control, and the barrier: what was sent before it has arrived by now.
      const arrived = once(socket, 'message');
      socket.send('control', port, '127.0.0.1');
      await arrived;
      socket.close();
      expect(heard).toEqual(['control']);
    },
    TEST_MS,
  );

  test(
    'a wrong server key never connects',
    async () => {
      const { lab, client } = scene;
      await lab.serverKey('wrong');
      await client.run(`ip link del tun0; ${connect(lab)}`);
      const mark = nonce();
      expect(await client.run(get(mark))).not.toMatchObject({ output: LAB.exit });
      expect((await client.run('wg show tun0 latest-handshakes')).output).toMatch(/\t0$/);
      await lab.serverKey('right');
    },
    TEST_MS,
  );
});

describe('a lab behind slirp', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await open('user');
  }, BOOT_MS);
  afterAll(async () => {
    expect(await close(scene)).toEqual(['client', 'lab']);
  }, TEST_MS);

  test(
    'the tunnel goes through the host and the pcap counts it',
    async () => {
      const { lab, client } = scene;
      await client.run('ip addr add 10.0.2.15/24 dev up0');
      expect(await client.run(connect(lab))).toMatchObject({ status: 0 });
      const mark = nonce();
      expect(await client.run(get(mark))).toMatchObject({ output: LAB.exit });
      expect(await sourcesOf(lab, mark)).toEqual([LAB.exit]);
      const { arp, dhcp, tunnel, foreign } = await lab.witnessed();
      expect({ dhcp, foreign }).toEqual({ dhcp: 0, foreign: 0 });
      expect(arp).toBeGreaterThan(0);
      expect(tunnel).toBeGreaterThan(4);
    },
    TEST_MS,
  );

  test(
    'a leak shows in the pcap',
    async () => {
      const { lab, client } = scene;
      await client.run('ping -c 1 -W 2 10.0.2.2');
      expect((await lab.witnessed()).foreign).toBeGreaterThan(0);
    },
    TEST_MS,
  );

  test(
    'a client that roams follows the relay: it counts the datagrams',
    async () => {
      const { lab, client } = scene;
      lab.relay?.repliesFrom('stranger');
      await client.run(get(nonce()));
      expect(await client.run(get(nonce()))).toMatchObject({ output: LAB.exit });
      expect(lab.relay?.toStranger).toBeGreaterThan(0);
    },
    TEST_MS,
  );
});
