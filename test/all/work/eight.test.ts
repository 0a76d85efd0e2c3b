/**
 * Eight work VMs of different rights behind one gate: they start at once, none sees another but by `peers:`, each reaches
 * what its rules say, and what happens to one is no other's matter.
 *
 * @leakCase 36 wire: of eight work VMs each reaches what its rules say, and no other work VM but its peers
 */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { newToken } from '../../../src/verify/index.ts';
import {
  FAILED_REQUESTS,
  foreignFrames,
  NONE,
  requests,
  statusOf,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';
import {
  addressesOf,
  configOf,
  lookFor,
  pidsOf,
  REACHES,
  sorted,
  TRY_SITES,
  tell,
  tellAll,
  VMS,
  type Vm,
} from './eight-vms.ts';

jest.setTimeout(300_000);

/** Of a request, on a busy machine. */
const PATIENCE_S = 10;
const FIRST = VMS.filter((name) => name !== 'late');

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', config: configOf(FIRST) }),
  (opened) => {
    stage = opened;
  },
);

let addresses: Readonly<Record<Vm, string>>;

beforeAll(async () => {
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  const began = performance.now();
  const started = await Promise.all(FIRST.map((name) => vmgate(stage, 'start', name)));
  process.stderr.write(`${FIRST.length} work VMs at once: ${Math.round(performance.now() - began)} ms\n`);
  expect(started.map(({ code, stderr }) => [code, stderr])).toEqual(started.map(({ stderr }) => [0, stderr]));
}, 300_000);

test('one is added to the configuration: the others run on while a fresh gateway takes over, and it starts', async () => {
  const before = await pidsOf(stage);
  writeFileSync(path.join(stage.home.root, 'vmgate.yaml'), configOf(VMS));
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(await pidsOf(stage)).toEqual({ ...before, late: null });
  expect(await vmgate(stage, 'start', 'late')).toMatchObject({ code: 0 });
  await until('every wire is up again', async () => (await statusOf(stage)).work.every(({ linkUp }) => linkUp));
  addresses = await addressesOf(stage);
  expect(new Set(Object.values(addresses)).size).toBe(VMS.length);
});

test('status tells of all of them, each in a line', async () => {
  const { stdout } = await stage.vmgate(['status']);
  const lines = stdout.split('\n');
  for (const name of VMS) {
    expect(lines).toContain(`  work VM  ${name}: running, wire up, ${addresses[name]}`);
  }
});

test('case 36: each reaches what its rules say, all at once', async () => {
  const reached = await tellAll(stage, VMS, () => TRY_SITES);
  const expected = VMS.map((name) => [name, REACHES[name].map((site) => `reached ${site}`)]);
  expect(Object.fromEntries(VMS.map((name) => [name, sorted(reached[name])]))).toEqual(Object.fromEntries(expected));
});

describe('case 36: who sees whom', () => {
  let seen: Readonly<Partial<Record<Vm, string>>>;
  const others = (name: Vm) => VMS.filter((each) => each !== name).map((each) => addresses[each]);
  beforeAll(async () => {
    seen = await tellAll(stage, VMS, (name) => lookFor(others(name)));
  });

  test.each(VMS.filter((name) => name !== 'asks'))('%s sees nobody', (name) => {
    expect(sorted(seen[name])).toEqual([]);
  });

  test('anti-test: whose peer another is sees that one, by IP alone', () => {
    expect(sorted(seen.asks)).toEqual([`ping ${addresses.told}`, `tcp ${addresses.told}`]);
  });

  test('anti-test: the gateway answers the question that neighbours do not', async () => {
    const gateway = gatewayOf('free');
    expect(sorted(await tell(stage, 'free', lookFor([gateway])))).toEqual([`arp ${gateway}`]);
  });

  test('none knows any other machine than the gateway on its wire', async () => {
    const known = await tellAll(stage, VMS, () => 'awk \'NR > 1 && $3 != "0x0" { print $1 }\' /proc/net/arp');
    for (const name of VMS) expect(sorted(known[name])).toHaveLength(1);
  });
});

/** Whose gateway has the address before its own. */
const gatewayOf = (name: Vm) => addresses[name].replace(/\.\d+$/, (last) => `.${Number(last.slice(1)) - 1}`);

/**
 * One of them does `act`, asks something, undoes it and asks again: which question the VPN's resolver heard. In the
 * background, since the wire by which it is told fails meanwhile.
 */
async function disguised(act: string, undo: string) {
  const { digits } = newToken();
  const question = (when: string) => `timeout 6 nslookup ${when}${digits}.example 8.8.8.8`;
  const route = `ip route replace default via ${gatewayOf('owned')} dev eth0`;
  const story = ['sleep 1', act, question('disguised'), undo, route, question('itself'), ': >/tmp/over'].join('; ');
  await tell(stage, 'owned', `rm -f /tmp/over; (${story}) </dev/null >/dev/null 2>&1 &`);
  await until('it is itself again', async () => {
    const { code } = await stage.vmgate(['ssh', 'owned', '--', 'test -e /tmp/over']);
    return code === 0;
  });
  const heard = await stage.lab.dnsLog('vpn');
  const asked = (mark: string) => heard.some(({ name }) => name.includes(`${mark}${digits}`));
  return { disguised: asked('disguised'), itself: asked('itself') };
}

async function withAnothersMac() {
  const own = (await tell(stage, 'owned', 'cat /sys/class/net/eth0/address')).trim();
  // As link plans have it: the last byte is the number of the wire.
  const stolen = own.replace(/..$/, '00');
  expect(stolen).not.toBe(own);
  const set = (mac: string) => `ip link set eth0 address ${mac}`;
  return disguised(set(stolen), set(own));
}

describe('one of them is owned', () => {
  test("with another's address its questions end at the gateway, with its own they arrive", async () => {
    const stolen = addresses.free;
    const act = `ip addr add ${stolen}/32 dev eth0; ip route replace default via ${gatewayOf('owned')} dev eth0 src ${stolen}`;
    expect(await disguised(act, `ip addr del ${stolen}/32 dev eth0`)).toEqual({ disguised: false, itself: true });
  });

  test("with another's MAC its questions end at the gateway, with its own they arrive", async () => {
    expect(await withAnothersMac()).toEqual({ disguised: false, itself: true });
  });
});

describe('one of them ends', () => {
  const failures = async () => Number((await tell(stage, 'free', FAILED_REQUESTS)).trim());
  const fds = async () => readdirSync(`/proc/${(await statusOf(stage)).supervisor?.pid}/fd`).length;
  beforeAll(async () => {
    await tell(stage, 'free', requests(PATIENCE_S));
  });

  test('stopped and started again, killed and started again: the others notice nothing, and nothing is left', async () => {
    const [{ free }, { since }, before] = [await pidsOf(stage), await statusOf(stage), await fds()];
    expect(await vmgate(stage, 'stop', 'told')).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'start', 'told')).toMatchObject({ code: 0 });
    const { other } = await pidsOf(stage);
    process.kill(Number(other), 'SIGKILL');
    await until('its end is noticed', async () => (await pidsOf(stage))['other'] === null);
    expect(await vmgate(stage, 'start', 'other')).toMatchObject({ code: 0 });
    expect(await failures()).toBe(0);
    expect((await pidsOf(stage))['free']).toBe(free);
    // Open all the time.
    expect((await statusOf(stage)).since).toBe(since);
    await until('no descriptor more than before', async () => (await fds()) <= before);
  });

  test('anti-test: a gate that closes makes requests fail', async () => {
    await stage.lab.server('down');
    await until('the gate is not open', async () => (await statusOf(stage)).phase !== 'open');
    await stage.lab.server('up');
    await until('every wire is up again', async () => (await statusOf(stage)).work.every(({ linkUp }) => linkUp));
    await until('a request failed meanwhile', async () => (await failures()) > 0);
  });
});

test('nothing foreign left all the while, and all of it goes down', async () => {
  expect(await foreignFrames(stage)).toEqual(NONE);
  const pids = Object.values(await pidsOf(stage));
  expect(pids.every((pid) => pid !== null)).toBe(true);
  const began = performance.now();
  expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
  process.stderr.write(`${pids.length} work VMs down: ${Math.round(performance.now() - began)} ms\n`);
  for (const pid of pids) expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
});
