/**
 * IPv6 of a WireGuard tunnel, on real machines: a work VM makes an address of what its gateway advertises, comes out at the
 * VPN's IPv6 exit, and has no IPv6 where the tunnel has none.
 *
 * @leakCase 7 wire: IPv6 of a work VM goes through a tunnel that has it and nowhere else; without it, it fails at once
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { LAB, profileWithIpv6 } from '../../../src/lab/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const PATIENCE_MS = 150_000;
/** Whole seconds of the guest: "in less than one" shows as none or one. */
const AT_ONCE = /^seconds [01]\n$/;

const exit = (...expected: readonly string[]) =>
  `verify: {exit: {url: "https://${LAB.ipv6.bothName}/", expect: [${expected.map((one) => `"${one}"`).join(', ')}]}}\n`;
/** To the gateway's resolver the lab's addresses, of the blocks for documentation, are nobody's private ones. */
const configOf = (vpn: string, more = '') =>
  `version: 1\nvpn: ${vpn}\nnotify: false\n${more}work: {${WORK_VM}: {template: tiny}}\n`;

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', config: configOf('six', exit('203.0.113.0/24', '2001:db8:e::/48')) }),
  (opened) => {
    stage = opened;
  },
);

const tries = (line: string) => inside(stage, `(${line}) 2>&1 || true`);
const fetches = (host: string) => tries(`timeout 20 wget -q -T 10 -O - http://${host}/`);
const timed = (line: string) =>
  inside(
    stage,
    `before=$(cut -d. -f1 /proc/uptime); ${line} >/dev/null 2>&1 && echo reached
    after=$(cut -d. -f1 /proc/uptime); echo seconds $((after - before))`,
  );
const addresses = () => tries('ip -6 addr show dev eth0 scope global');
const hasIpv6 = async () =>
  (await addresses()).includes('inet6 fd76:6d67:') && (await tries('ip -6 route')).includes('default via fe80:');
const byAddress = `wget -q -T 8 -O - http://[${LAB.ipv6.site}]/`;

async function runs(config: string): Promise<void> {
  await writeFile(path.join(stage.home.root, 'vmgate.yaml'), config);
  await until(
    'the work VM runs',
    async () => (await vmgate(stage, 'up')).code === 0 && (await vmgate(stage, 'start', WORK_VM)).code === 0,
    PATIENCE_MS,
  );
}

beforeAll(async () => {
  await stage.addProfile('six', profileWithIpv6(stage.lab.profile));
  await runs(configOf('six', exit('203.0.113.0/24', '2001:db8:e::/48')));
}, 400_000);

describe('a tunnel with IPv6', () => {
  test('case 7: the exit is verified over both, the work VM gets an address and comes out at the IPv6 exit', async () => {
    expect(await vmgate(stage, 'verify')).toMatchObject({ code: 0 });
    await until('the work VM has IPv6', hasIpv6);
    expect((await fetches(`[${LAB.ipv6.site}]`)).trim()).toBe(LAB.ipv6.exit);
    expect((await fetches(LAB.v6OnlyName)).trim()).toBe(LAB.ipv6.exit);
    expect((await fetches(LAB.site)).trim()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test('case 7: what the tunnel does not lead to is refused', async () => {
    expect(await tries('wget -q -T 4 -O - http://[fe80::1%eth0]/')).not.toContain(LAB.ipv6.exit);
    expect(await tries('ip -6 neigh')).not.toContain('192.168.77');
  });

  test('case 7: the tunnel is killed: nothing goes, over IPv6 neither, and both are back with it', async () => {
    await stage.lab.server('down');
    expect(await fetches(`[${LAB.ipv6.site}]`)).not.toContain(LAB.ipv6.exit);
    await until('the gate is not open', async () => (await statusOf(stage)).phase !== 'open');
    expect(await tries(byAddress)).not.toContain(LAB.ipv6.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
    await stage.lab.server('up');
    await until('the gate is open again', async () => (await statusOf(stage)).phase === 'open');
    await until('it comes out again', async () => (await tries(byAddress)).includes(LAB.ipv6.exit), PATIENCE_MS);
  });

  test('an IPv6 exit that was not expected closes the gate', async () => {
    await writeFile(
      path.join(stage.home.root, 'vmgate.yaml'),
      configOf('six', exit('203.0.113.0/24', '2001:db8:bad::/48')),
    );
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 4 });
    expect((await statusOf(stage)).phase).not.toBe('open');
  });
});

describe('a tunnel without IPv6', () => {
  beforeAll(() => runs(configOf('lab')), 400_000);

  test('case 7: nothing is advertised, and IPv6 fails at once', async () => {
    await until(
      'the way out of before is gone',
      async () => !(await tries('ip -6 route')).includes('default'),
      PATIENCE_MS,
    );
    expect(await timed(byAddress)).toMatch(AT_ONCE);
    expect(await timed(`wget -q -T 8 -O - http://${LAB.v6OnlyName}/`)).toMatch(AT_ONCE);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test('case 7, anti-test: with a way out of its own making it waits', async () => {
    await inside(stage, 'ip -6 route add default dev eth0');
    expect(await timed(byAddress)).not.toMatch(AT_ONCE);
    await inside(stage, 'ip -6 route del default dev eth0');
    expect(await foreignFrames(stage)).toEqual(NONE);
  });
});

describe('case 7: another’s prefix', () => {
  const FORGED = '2001:db8:ffff::2';
  /** Translated to the gateway's address in the tunnel, either would be answered. */
  const isAnswered = async (source: string) =>
    (await tries(`timeout 12 ping6 -c 3 -W 3 -I ${source} ${LAB.ipv6.site}`)).includes('bytes from');
  beforeAll(() => runs(configOf('six')), 400_000);

  test('case 7: is not carried', async () => {
    await until('the work VM has IPv6', hasIpv6, PATIENCE_MS);
    await inside(stage, `ip -6 addr add ${FORGED}/128 dev eth0`);
    expect(await isAnswered(FORGED)).toBe(false);
  });

  // Without the pin it is carried: test/contract/policy/ipv6.test.ts takes that away from the same rules.
  test('case 7, anti-test: the same from its own prefix is', async () => {
    const [, own = ''] = /inet6 (fd76:6d67:[0-9a-f:]+)/.exec(await addresses()) ?? [];
    expect(await isAnswered(own)).toBe(true);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });
});
