/**
 * A gate on QEMU's user network, where users' gates are: what leaves it is in a pcap behind the guard. The guard stays even
 * in the anti-test, because beyond this network is the host's real one: there a machine without a gateway takes its place.
 *
 * @leakCase 20 user: the gateway's process is told to end, as by a host that shuts down: nothing in clear, nor while the
 *   next one boots
 * @leakCase 22 user: the gateway paused under traffic: nothing leaves meanwhile, nothing but the tunnel afterwards
 * @leakCase 29 user: flows under way when the tunnel falls silent die, and take no other way
 */
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { Installation } from '../../../src/drivers/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { type WitnessCounts, witnessCounts } from '../../../src/lab/witness.ts';
import { Client } from '../../system/lab/client.ts';
import { labImage } from '../../system/lab/lab-image.ts';
import {
  closedAndOpenAgain,
  download,
  foreignFrames,
  inside,
  journalMark,
  NONE,
  partsOf,
  phasesSince,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { openWithWork } from '../../system/leaks/persistent-start.ts';
import { stageForAll } from '../../system/leaks/stage.ts';
import { admitClient } from '../../system/leaks/volley.ts';

jest.setTimeout(120_000);
const BOOT_MS = 300_000;

let stage: Stage;
/** What earlier machines wrote: a new one would begin the file anew. */
const kept: string[] = [];

stageForAll(
  () => ({ attachment: 'user' }),
  (opened) => {
    stage = opened;
  },
);

function pcap(): string {
  const { witness } = stage.lab.pass();
  if (witness === undefined) throw new Error('no pcap on this uplink');
  return witness;
}

/** Whoever writes the file goes on in it under its new name. */
async function setAside(): Promise<void> {
  const name = `${pcap()}.${kept.length}`;
  await rename(pcap(), name);
  kept.push(name);
}

/** Everything that left since the stage opened, or since {@link forget}. */
async function left(): Promise<WitnessCounts> {
  const all = await Promise.all([...kept, pcap()].map((file) => witnessCounts(file, stage.lab.endpoint)));
  const sum = (kind: keyof WitnessCounts) => all.reduce((total, counts) => total + counts[kind], 0);
  return { arp: sum('arp'), dhcp: sum('dhcp'), tunnel: sum('tunnel'), foreign: sum('foreign') };
}

async function forget(): Promise<void> {
  await setAside();
  kept.length = 0;
}

const flows = async () => {
  const { tunnel } = await left();
  await until('the work VM downloads', async () => (await left()).tunnel - tunnel >= 20);
};

/** A datagram every 200 ms, for ever. */
const SAYING = `(while :; do timeout 1 tftp -g -l /dev/null -r said ${LAB.site} 9; usleep 200000; done) </dev/null >/dev/null 2>&1 &`;

test(
  'anti-test: case 20, case 22, case 29: without a gateway, flows go on in clear once the VPN is down',
  async () => {
    const folder = path.join(stage.home.root, 'bare');
    const image = await labImage();
    const client = await Client.start({ folder, lab: stage.lab, image, installation: new Installation() });
    try {
      const settings = stage.lab.profile.replace(/^(?:Address|DNS) .*\n/gm, '');
      await client.run(`ip addr add 10.0.2.15/24 dev up0; ip route add default via ${LAB.slirpHost} metric 9
      printf %s '${settings}' >/run/wg.conf; ip link add tun0 type wireguard; wg setconf tun0 /run/wg.conf
      ip addr add ${LAB.client}/32 dev tun0; ip link set tun0 up; ip route add ${LAB.site} dev tun0
      ping -c 1 -W 5 ${LAB.site}`);
      await client.run(`(while :; do echo said | socat -t 0.1 - UDP4:${LAB.site}:9; usleep 100000; done) >/dev/null 2>&1 &
      (nc ${LAB.site} 80 </dev/zero >/dev/null 2>&1 &) >/dev/null 2>&1; sleep 1`);
      expect(await left()).toMatchObject({ foreign: 0 });
      await client.run('ip link del tun0');
      await until('flows in clear', async () => (await left()).foreign > 1);
    } finally {
      await client.stop();
    }
  },
  BOOT_MS,
);

describe('behind the gate', () => {
  beforeAll(async () => {
    await admitClient(stage.lab);
    await forget();
    await openWithWork((...argv) => vmgate(stage, ...argv));
    await inside(stage, `${download()}\n${SAYING}`);
    await flows();
  }, BOOT_MS);

  const unharmed = async (work: number) => {
    await flows();
    expect(await left()).toMatchObject({ foreign: 0 });
    expect((await foreignFrames(stage)).guard).toBe(NONE.guard);
    expect((await partsOf(stage)).work).toBe(work);
  };

  test('case 22: paused and resumed', async () => {
    const { gateway, work } = await partsOf(stage);
    process.kill(gateway, 'SIGSTOP');
    const before = await left();
    await delay(2_000);
    expect(await left()).toEqual(before);
    process.kill(gateway, 'SIGCONT');
    await unharmed(work);
  });

  test('case 29: the server falls silent', async () => {
    const { work } = await partsOf(stage);
    const downloading = await inside(stage, 'pidof wget || true');
    const mark = journalMark(stage);
    await stage.lab.fault('tunnel-silent', true);
    await until('the gate closed', () => phasesSince(stage, mark).some(({ phase }) => phase === 'closed'));
    await stage.lab.fault('tunnel-silent', false);
    await closedAndOpenAgain(stage, mark);
    await unharmed(work);
    expect(await inside(stage, 'pidof wget || true')).not.toBe(downloading);
  });

  test('case 20: its process ends as when the host shuts down', async () => {
    const { gateway, work } = await partsOf(stage);
    const mark = journalMark(stage);
    await setAside();
    process.kill(gateway, 'SIGTERM');
    await closedAndOpenAgain(stage, mark);
    await unharmed(work);
  });
});
