/**
 * A gate whose address comes from the untrusted network (P3, P4): nothing but DHCP leaves before there is one, what comes
 * with it is ignored, and one that cannot be used opens nothing.
 *
 * @leakCase 1 wire: routes by DHCP (options 33, 121, 249) that lead everything around the tunnel are ignored
 * @leakCase 2 wire: a lease in a public range makes no address of that range a neighbour
 * @leakCase 54 wire: a route by DHCP for one single address is ignored, and the user is told that the network sent routes
 */
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { Installation } from '../../../src/drivers/index.ts';
import { describeFrame, parsePcap } from '../../../src/frame/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import { LAB, type LabDhcp } from '../../../src/lab/index.ts';
import { CLIENT_MAC, Client } from '../../system/lab/client.ts';
import { labImage } from '../../system/lab/lab-image.ts';
import { foreignFrames, inside, NONE, outcomeOf, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';
import { admitClient } from '../../system/leaks/volley.ts';

jest.setTimeout(180_000);

/** Of the public range that the lab's DHCP gives addresses from: seems to be a neighbour, and is a site of the internet. */
const SEEMING_NEIGHBOUR = '203.0.113.200';

let stage: Stage;

stageForAll(
  () => ({ attachment: 'wire', dhcp: true }),
  (opened) => {
    stage = opened;
  },
);

/** Who asked on the network for the seeming neighbour, by MAC. */
async function askedForNeighbour(): Promise<readonly string[]> {
  const captured = (parsePcap(await stage.lab.capture('all')) ?? []).map(({ frame }) => describeFrame(frame));
  const asked = captured.filter((frame) => frame.includes(`who has ${SEEMING_NEIGHBOUR}`));
  return asked.flatMap((frame) => /\(([0-9a-f:]+)\)/.exec(frame)?.[1] ?? []);
}

describe('anti-test: a VPN client that believes what DHCP says', () => {
  /** Address and routes as they come, then a full tunnel. */
  const BELIEVE = `printf '%s\\n' '#!/bin/sh' '[ "$1" = bound ] || exit 0' 'ip addr add $ip/$mask dev up0' \\
    'ip route add default via $router dev up0 metric 9' 'set -- $staticroutes' \\
    'while [ $# -ge 2 ]; do ip route add $1 via $2 dev up0; shift 2; done' >/run/believe; chmod 755 /run/believe`;
  let client: Client;
  beforeAll(async () => {
    const folder = path.join(stage.home.root, 'bare');
    const image = await labImage();
    client = await Client.start({ folder, lab: stage.lab, image, installation: new Installation() });
    const settings = stage.lab.profile.replace(/^(?:Address|DNS) .*\n/gm, '');
    await client.run(`${BELIEVE}; printf %s '${settings}' >/run/wg.conf`);
  }, 300_000);
  afterAll(async () => {
    await client?.stop();
    await admitClient(stage.lab);
  });

  async function connect(how: LabDhcp): Promise<void> {
    await stage.lab.dhcp(how);
    const { output } = await client.run(`ip link del tun0 2>/dev/null; ip addr flush dev up0
      udhcpc -n -q -i up0 -O staticroutes -s /run/believe
      ip route add ${LAB.endpoint.address} via $(ip route show default | cut -d' ' -f3) dev up0
      ip link add tun0 type wireguard; wg setconf tun0 /run/wg.conf; ip addr add ${LAB.client}/32 dev tun0
      ip link set tun0 up; ip route add default dev tun0; ping -c 1 -W 5 ${LAB.inside}; ip route`);
    expect(output).toContain('default dev tun0');
  }

  async function sourceOf(address: string): Promise<string | undefined> {
    const mark = `/${address}-${performance.now()}`;
    await client.run(`printf 'GET ${mark} HTTP/1.0\\r\\n\\r\\n' | timeout 10 nc -w 4 ${address} 80`);
    return (await stage.lab.httpLog()).find(({ path: asked }) => asked === mark)?.source;
  }

  test('case 1: everything goes in clear', async () => {
    await connect('routes');
    expect(await sourceOf(LAB.site)).toMatch(/^192\.168\.77\./);
    expect(await sourceOf(SEEMING_NEIGHBOUR)).toMatch(/^192\.168\.77\./);
  });

  test('case 54: the one address goes in clear, others do not, so nothing seems wrong', async () => {
    await connect('one');
    expect(await sourceOf(LAB.site)).toMatch(/^192\.168\.77\./);
    expect(await sourceOf(SEEMING_NEIGHBOUR)).toBe(LAB.exit);
  });

  test('case 2: a site of the internet is asked for on the local network', async () => {
    await connect('public');
    await sourceOf(SEEMING_NEIGHBOUR);
    expect(await askedForNeighbour()).toContain(CLIENT_MAC);
  });
});

describe('a gate', () => {
  afterEach(async () => {
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  /** `vmgate up` against a network that gives nothing usable: what it says, and what left meanwhile. */
  async function refusedUp(why: RegExp): Promise<void> {
    await stage.lab.resetCounts();
    const { code, fault, stderr } = await vmgate(stage, 'up');
    expect({ code, fault, stderr }).toEqual({ code: 4, fault: 'GATE_NO_ADDRESS', stderr: expect.stringMatching(why) });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 4, fault: 'GATE_NOT_VERIFIED' });
    expect(await stage.lab.counts()).toMatchObject({ arp: 0, tunnel: 0, foreign: 0, stranger: 0 });
    // The attempt that answered may have asked before the counts were reset; it asks again and again.
    await until('DHCP was asked', async () => (await stage.lab.counts()).dhcp > 0);
  }

  /** Addresses that the network gave, as the journal tells. */
  function given(): readonly unknown[] {
    return readJournal(stage.gate.journal)
      .filter(({ code }) => code === 'GATE_ADDRESS')
      .map(({ payload }) => payload);
  }

  test('no answer, then a router that is nobody: exit 4 and why; the gate opens by itself once there is an address', async () => {
    await stage.lab.dhcp('silent');
    await refusedUp(/gave the gateway no usable address: no answer to DHCP/);
    await stage.lab.dhcp('bogus');
    await until('the offer was refused', async () => /router 127.0.0.1 is no host's/.test((await statusOf(stage)).why));
    await refusedUp(/the router 127.0.0.1 is no host's/);
    expect(given()).toEqual([]);
    await stage.lab.dhcp('plain');
    await until('the gate is open', async () => (await statusOf(stage)).phase === 'open');
    expect(given()).toEqual([
      { address: expect.stringMatching(/^192\.168\.77\.1\d\d$/), prefixLength: 24, nextHop: '192.168.77.1' },
    ]);
    expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
  });

  test.each([
    ['case 1: routes that lead around the tunnel', 'routes', '192.168.77.1', SEEMING_NEIGHBOUR, /option 33, 121, 249/],
    ['case 54: a route for one address', 'one', '192.168.77.1', LAB.site, /option 121\)/],
    ['case 2: addresses of a public range', 'public', '203.0.113.129', SEEMING_NEIGHBOUR, /tunnel$/],
  ] as const)('%s: the gate opens, all of the work VM goes through the tunnel', async (_, how, router, site, told) => {
    await stage.lab.dhcp(how);
    await stage.supervise();
    await stage.lab.resetCounts();
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(given().at(-1)).toMatchObject({ nextHop: router });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    await stage.lab.clearLogs();
    await inside(stage, `wget -q -T 20 -O /dev/null http://${site}/in-the-tunnel`);
    const asked = (await stage.lab.httpLog()).filter(({ path }) => path === '/in-the-tunnel');
    expect(asked).toEqual([expect.objectContaining({ source: LAB.exit, destination: site })]);
    expect((await askedForNeighbour()).filter((mac) => mac !== CLIENT_MAC)).toEqual([]);
    const routes = (await statusOf(stage)).verdicts.find(({ check }) => check === 'routes');
    expect(routes?.summary).toMatch(told);
    expect(outcomeOf(await stage.vmgate(['verify']))).toMatchObject({ code: 0 });
    const { dhcp, tunnel, foreign } = await stage.lab.counts();
    expect({ dhcp: dhcp > 0, tunnel: tunnel > 0, foreign }).toEqual({ dhcp: true, tunnel: true, foreign: 0 });
    expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
  });
});
