/** A gate whose tunnel may have IPv6, with the lab behind it: for each kind of VPN the same is asked of its work VM. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, type StageOptions, WORK_VM } from '../../../src/demo/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import { LAB, type Lab } from '../../../src/lab/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

export const PATIENCE_MS = 150_000;
/** Whole seconds of the guest. Who asks in vain for a neighbour waits for three (RFC 4861, MAX_MULTICAST_SOLICIT), at least. */
const AT_ONCE = /^seconds [012]\n$/;
const BY_ADDRESS = `wget -q -T 8 -O - http://[${LAB.ipv6.site}]/`;
/** The lab's own exits, of both families. */
const BOTH_EXITS = ['203.0.113.0/24', '2001:db8:e::/48'];

export class Ipv6Scene {
  #stage: Stage | undefined;

  /** For all tests of the file. */
  constructor(options: Pick<StageOptions, 'vpn'>, config: string) {
    jest.setTimeout(300_000);
    stageForAll(
      () => ({ attachment: 'wire', ...options, config }),
      (opened) => {
        this.#stage = opened;
      },
    );
  }

  get stage(): Stage {
    if (this.#stage === undefined) throw new Error('no test has begun');
    return this.#stage;
  }

  async use(config: string): Promise<void> {
    await writeFile(path.join(this.stage.home.root, 'vmgate.yaml'), config);
  }

  /** The gate is open and its work VM runs. */
  async runs(config: string): Promise<void> {
    await this.use(config);
    await until(
      'the work VM runs',
      async () =>
        (await vmgate(this.stage, 'up')).code === 0 && (await vmgate(this.stage, 'start', WORK_VM)).code === 0,
      PATIENCE_MS,
    );
  }

  tries(line: string): Promise<string> {
    return inside(this.stage, `(${line}) 2>&1 || true`);
  }

  async fetches(host: string): Promise<string> {
    return (await this.tries(`timeout 20 wget -q -T 10 -O - http://${host}/`)).trim();
  }

  addresses(): Promise<string> {
    return this.tries('ip -6 addr show dev eth0 scope global');
  }

  async hasIpv6(): Promise<boolean> {
    const hasAddress = (await this.addresses()).includes('inet6 fd76:6d67:');
    return hasAddress && (await this.tries('ip -6 route')).includes('default via fe80:');
  }

  /** What was advertised before has run out. */
  async hasNoWay(): Promise<void> {
    const isGone = async () => !(await this.tries('ip -6 route')).includes('default');
    await until('the way out of before is gone', isGone, PATIENCE_MS);
  }

  /** The seconds that a command took, and whether it got what it asked for. */
  timed(line: string): Promise<string> {
    return inside(
      this.stage,
      `before=$(cut -d. -f1 /proc/uptime); ${line} >/dev/null 2>&1 && echo reached
      after=$(cut -d. -f1 /proc/uptime); echo seconds $((after - before))`,
    );
  }

  async nothingForeign(): Promise<void> {
    expect(await foreignFrames(this.stage)).toEqual(NONE);
  }
}

/** To the gateway's resolver the lab's addresses, of the blocks for documentation, are nobody's private ones. */
export function configOf(vpn: string, expected: readonly string[] = []): string {
  const url = `https://${LAB.ipv6.bothName}/`;
  const verify =
    expected.length === 0
      ? ''
      : `verify: {exit: {url: "${url}", expect: [${expected.map((one) => `"${one}"`).join(', ')}]}}\n`;
  return `version: 1\nvpn: ${vpn}\nnotify: false\n${verify}work: {${WORK_VM}: {template: tiny}}\n`;
}

export const withBothExits = (vpn: string) => configOf(vpn, BOTH_EXITS);

/** The gate is open on a tunnel with IPv6, and expects both exits of it. */
export function testTunnelWithIpv6(scene: Ipv6Scene, vpn: string): void {
  test('case 7: the exit is verified over both, the work VM gets an address and comes out at the IPv6 exit', async () => {
    expect(await vmgate(scene.stage, 'verify')).toMatchObject({ code: 0 });
    await until('the work VM has IPv6', () => scene.hasIpv6());
    expect(await scene.fetches(`[${LAB.ipv6.site}]`)).toBe(LAB.ipv6.exit);
    expect(await scene.fetches(LAB.v6OnlyName)).toBe(LAB.ipv6.exit);
    expect(await scene.fetches(LAB.site)).toBe(LAB.exit);
    await scene.nothingForeign();
  });

  test('case 7: what the tunnel does not lead to is refused', async () => {
    expect(await scene.tries('wget -q -T 4 -O - http://[fe80::1%eth0]/')).not.toContain(LAB.ipv6.exit);
    expect(await scene.tries('ip -6 neigh')).not.toContain('192.168.77');
  });

  test('case 7: the tunnel is killed: nothing goes, over IPv6 neither, and both are back with it', async () => {
    const { stage } = scene;
    // It goes on by itself: nobody gets a word in while its wire is down.
    await inside(stage, `(while sleep 1; do ${BY_ADDRESS} || echo nothing; done) >/tmp/tries 2>/dev/null </dev/null &`);
    await until('it tries', async () => (await scene.tries('cat /tmp/tries')).includes(LAB.ipv6.exit));
    await stage.lab.server('down');
    await until('the gate is not open', async () => (await statusOf(stage)).phase !== 'open');
    await scene.nothingForeign();
    await stage.lab.server('up');
    await until('the gate is open again', async () => (await statusOf(stage)).phase === 'open', PATIENCE_MS);
    await until('it comes out again', async () => (await scene.tries(BY_ADDRESS)).includes(LAB.ipv6.exit), PATIENCE_MS);
    expect(await scene.tries('cat /tmp/tries')).toContain('nothing');
    await scene.nothingForeign();
  });

  test('an IPv6 exit that was not expected closes the gate', async () => {
    await scene.use(configOf(vpn, ['203.0.113.0/24', '2001:db8:bad::/48']));
    expect(await vmgate(scene.stage, 'up')).toMatchObject({ code: 4 });
    expect((await statusOf(scene.stage)).phase).not.toBe('open');
  });
}

/** The gate is open on a tunnel without IPv6. */
export function testTunnelWithoutIpv6(scene: Ipv6Scene): void {
  test('case 7: nothing is advertised, and IPv6 fails at once', async () => {
    await scene.hasNoWay();
    expect(await scene.timed(BY_ADDRESS)).toMatch(AT_ONCE);
    expect(await scene.timed(`wget -q -T 8 -O - http://${LAB.v6OnlyName}/`)).toMatch(AT_ONCE);
    expect(await scene.fetches(LAB.site)).toBe(LAB.exit);
    await scene.nothingForeign();
  });

  test('case 7, anti-test: with a way out of its own making it waits', async () => {
    await inside(scene.stage, 'ip -6 route add default dev eth0');
    expect(await scene.timed(BY_ADDRESS)).not.toMatch(AT_ONCE);
    await inside(scene.stage, 'ip -6 route del default dev eth0');
    await scene.nothingForeign();
  });
}

/** The gate is open on a tunnel with IPv6. */
export function testAnothersPrefix(scene: Ipv6Scene): void {
  const FORGED = '2001:db8:ffff::2';
  /** Translated to the gateway's address in the tunnel, either would be answered. */
  const isAnswered = async (source: string) =>
    (await scene.tries(`timeout 12 ping6 -c 3 -W 3 -I ${source} ${LAB.ipv6.site}`)).includes('bytes from');

  test('case 7: is not carried', async () => {
    await until('the work VM has IPv6', () => scene.hasIpv6(), PATIENCE_MS);
    await inside(scene.stage, `ip -6 addr add ${FORGED}/128 dev eth0`);
    expect(await isAnswered(FORGED)).toBe(false);
  });

  // Without the pin it is carried: test/contract/policy/ipv6.test.ts takes that away from the same rules.
  test('case 7, anti-test: the same from its own prefix is', async () => {
    const [, own = ''] = /inet6 (fd76:6d67:[0-9a-f:]+)/.exec(await scene.addresses()) ?? [];
    expect(await isAnswered(own)).toBe(true);
    await scene.nothingForeign();
  });
}

/** Of a kind whose server says whether there is IPv6. */
export interface AssigningServer {
  readonly vpn: NonNullable<StageOptions['vpn']>;
  readonly gives: (lab: Lab) => Promise<void>;
  readonly givesNone: (lab: Lab) => Promise<void>;
  /** An address that is nobody's. */
  readonly lies: (lab: Lab) => Promise<void>;
}

export function describeAssignedIpv6({ vpn, gives, givesNone, lies }: AssigningServer): void {
  /** What a stage calls the lab's own profile. */
  const PROFILE = 'lab';
  const scene = new Ipv6Scene({ vpn }, withBothExits(PROFILE));
  const toldOff = () => readJournal(scene.stage.gate.journal).filter(({ code }) => code === 'GATE_IPV6_OFF').length;

  describe('a server that gives IPv6', () => {
    beforeAll(async () => {
      await gives(scene.stage.lab);
      await scene.runs(withBothExits(PROFILE));
    }, 400_000);
    testTunnelWithIpv6(scene, PROFILE);
  });

  describe('another’s prefix', () => {
    beforeAll(() => scene.runs(withBothExits(PROFILE)), 400_000);
    describe('case 7: another’s prefix', () => testAnothersPrefix(scene));
  });

  describe('an exit that is expected by IPv4 alone', () => {
    test('means no IPv6, and why', async () => {
      const before = toldOff();
      await scene.runs(configOf(PROFILE, ['203.0.113.0/24']));
      expect(toldOff()).toBeGreaterThan(before);
      await scene.hasNoWay();
      expect(await scene.fetches(LAB.site)).toBe(LAB.exit);
    });
  });

  describe('a server that takes it back', () => {
    beforeAll(async () => {
      await scene.runs(withBothExits(PROFILE));
      await until('the work VM has IPv6', () => scene.hasIpv6(), PATIENCE_MS);
      await givesNone(scene.stage.lab);
      // Until it is noticed that the tunnel is gone, an `up` has nothing to do.
      await until('the gate is not open', async () => (await statusOf(scene.stage)).phase !== 'open', PATIENCE_MS);
      await scene.runs(withBothExits(PROFILE));
    }, 600_000);
    testTunnelWithoutIpv6(scene);
  });

  test('a server whose IPv6 is nobody’s: IPv4 goes on without it', async () => {
    const before = toldOff();
    await lies(scene.stage.lab);
    await scene.runs(configOf(PROFILE));
    expect(await scene.addresses()).not.toContain('fe80::2');
    expect(await scene.fetches(LAB.site)).toBe(LAB.exit);
    expect(toldOff()).toBeGreaterThan(before);
    await scene.nothingForeign();
  });
}
