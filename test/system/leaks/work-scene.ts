/**
 * A work VM behind a gate of any kind of VPN, and the same attempts of a machine without a gateway: the rows of a table
 * `kind x leak case`. Each kind has a file that declares its cases and calls both.
 */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { Installation } from '../../../src/drivers/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { Client } from '../lab/client.ts';
import { labImage } from '../lab/lab-image.ts';
import { inside, statusOf, until, vmgate } from './life-scene.ts';
import { WORK_ATTEMPTS, type WorkAttempt } from './work-attempts.ts';

const BOOT_MS = 400_000;
/** Of the gate's only work link: src/core/link-plan.ts. */
export const WORK_ADDRESS = '10.213.0.2';
/** Both of a machine without a gateway and of the gateway. */
const UPLINK_ADDRESS = '192.168.77.50';
/** Three pulses and a margin for a busy machine; the lease ends 15 s after the last good one in any case. */
const BLOCKED_MS = 20_000;
/** For a work VM on a machine that boots others meanwhile. */
const PATIENCE_MS = 150_000;

/** Output of a line in the work VM; again when the gate closed under it, as it may on a busy machine. */
export async function insist(stage: Stage, line: string): Promise<string> {
  let output = '';
  const runs = async () => {
    output = await inside(stage, line);
    return true;
  };
  await until('the line ran', () => runs().catch(() => false), PATIENCE_MS);
  return output;
}

/** Runs every attempt at once; the answer tells of each whether the lab captured its mark readable. */
async function tryAll(
  stage: Stage,
  run: (line: string) => Promise<unknown>,
): Promise<(attempt: WorkAttempt) => boolean> {
  const token = newToken();
  const lines = WORK_ATTEMPTS.map(({ line }, index) => `(${line(token.mark(index))}) </dev/null >/dev/null 2>&1 &`);
  await run(`${lines.join('\n')}\nwait`);
  const captured = await stage.lab.capture('all');
  return (attempt) => captured.includes(token.mark(WORK_ATTEMPTS.indexOf(attempt)));
}

/** Questions with `mark` in them towards the internet, eight at a time, for ever, whether answered or not. */
export function flood(mark: string): string {
  const stream = `while :; do timeout 1 nslookup ${mark}.example ${LAB.site}; usleep 50000; done`;
  return `for each in 1 2 3 4 5 6 7 8; do (${stream}) </dev/null >/dev/null 2>&1 & done`;
}

export async function captured(stage: Stage, mark: string): Promise<boolean> {
  return (await stage.lab.framesWith(Buffer.from(mark))) > 0;
}

export const traceroute = `busybox traceroute -n -m 3 -q 1 -w 2 ${LAB.site}`;
/**
 * The same machine without a gateway: what the lab then sees means that its silence behind one does. `more` adds tests of
 * that machine.
 */
export function describeWithoutGateway(stageOf: () => Stage, more: (clientOf: () => Client) => void = () => {}): void {
  describe('anti-test: without a gateway the lab sees', () => {
    let client: Client;
    let inClear: (attempt: WorkAttempt) => boolean;
    beforeAll(async () => {
      client = await Client.start({
        folder: path.join(stageOf().home.root, 'bare'),
        lab: stageOf().lab,
        image: await labImage(),
        installation: new Installation(),
      });
      await client.run(`ip addr add ${UPLINK_ADDRESS}/24 dev up0; ip route add default via ${LAB.router}
        echo nameserver ${LAB.router} >/etc/resolv.conf`);
      inClear = await tryAll(stageOf(), (line) => client.run(line));
    }, BOOT_MS);
    afterAll(() => client?.stop());

    test.each(WORK_ATTEMPTS)('case $leakCase: $name', (attempt) => {
      expect(inClear(attempt)).toBe(true);
    });

    test("case 5: the untrusted resolver's lie is believed", async () => {
      const { output } = await client.run('nslookup anything.example');
      expect(output).toContain(LAB.lie);
    });

    test('case 33: the untrusted router is the first hop', async () => {
      const { output } = await client.run(traceroute);
      expect(output).toContain(LAB.router);
    });

    more(() => client);
  });
}

/** `admit`: lets the VPN's side reach the work VM's address through the gateway, if nothing stops it there. */
export function describeBehindGate(stageOf: () => Stage, admit: (stage: Stage) => Promise<void>): void {
  describe('behind the gate', () => {
    let inClear: (attempt: WorkAttempt) => boolean;
    beforeAll(async () => {
      const stage = stageOf();
      await admit(stage);
      // A pulse that comes late on a busy machine closes the gate for a moment: `up` waits until it is open again.
      await until(
        'the work VM runs',
        async () => {
          await vmgate(stage, 'up');
          return (await vmgate(stage, 'start', WORK_VM)).code === 0;
        },
        PATIENCE_MS,
      );
      await stage.lab.resetCounts();
      await stage.lab.clearLogs();
      inClear = await tryAll(stage, (line) => insist(stage, line));
    }, BOOT_MS);

    test.each(WORK_ATTEMPTS)('case $leakCase: $name: not in clear', (attempt) => {
      expect(inClear(attempt)).toBe(false);
    });

    test('nothing but the tunnel left, by the count of the lab and of the guard', async () => {
      expect(await stageOf().lab.witnessed()).toMatchObject({ foreign: 0 });
      const { uplink } = await statusOf(stageOf());
      expect(uplink).toMatchObject({ foreign: 0 });
    });

    test('case 5: no resolver was asked from outside the tunnel', async () => {
      const asked = [...(await stageOf().lab.dnsLog('wifi')), ...(await stageOf().lab.dnsLog('internet'))];
      expect(asked.filter(({ source }) => source.startsWith('192.168.77.'))).toEqual([]);
      expect((await stageOf().lab.dnsLog('vpn')).length).toBeGreaterThan(0);
    });

    test("case 5: its resolver is the tunnel's, which does not lie", async () => {
      const lookUp = (name: string) => insist(stageOf(), `nslookup ${name} 2>&1 || true`);
      expect(await lookUp(LAB.siteName)).toContain(LAB.site);
      const unknown = await lookUp('anything.example');
      expect(unknown).toContain('NXDOMAIN');
      expect(unknown).not.toContain(LAB.lie);
    });

    describe('case 7: a host with IPv6 only', () => {
      const fetch = `wget -q -T 8 -O /dev/null http://${LAB.v6OnlyName}/`;
      // The gateway's resolver hides what nobody there could use: where there is a way, the address itself is asked.
      const fetchByAddress = `wget -q -T 8 -O /dev/null http://[${LAB.ipv6.site}]/`;
      const timed = (line: string) =>
        inside(
          stageOf(),
          `before=$(cut -d. -f1 /proc/uptime); ${line} 2>/dev/null && echo reached
          after=$(cut -d. -f1 /proc/uptime); echo seconds $((after - before))`,
        );

      // Whole seconds of the guest, so that a busy host does not count.
      test.each([fetch, fetchByAddress])('fails at once: %s', async (line) => {
        expect(await timed(line)).toMatch(/^seconds [01]\n$/);
      });

      test('anti-test: with a way out of its own making it waits', async () => {
        await insist(stageOf(), 'ip -6 route add default dev eth0');
        expect(await timed(fetchByAddress)).toMatch(/^seconds ([2-9]|\d\d)\n$/);
        await insist(stageOf(), 'ip -6 route del default dev eth0');
        expect(await stageOf().lab.witnessed()).toMatchObject({ foreign: 0 });
      });
    });

    test('case 33: no hop names the uplink', async () => {
      const hops = await insist(stageOf(), traceroute);
      expect(hops).not.toMatch(/192\.168\.77\./);
      expect(hops).toMatch(/^ *1 +\*/m);
      expect(hops).toMatch(/^ *2 +10\.66\.0\.1 /m);
    });

    test('case 42: from the VPN side nothing reaches it, though it listens', async () => {
      expect(await insist(stageOf(), 'nc -w 2 127.0.0.1 22 </dev/null')).toContain('SSH-2.0');
      for (const protocol of ['tcp', 'udp', 'ping'] as const) {
        expect(await stageOf().lab.connectIn(protocol, WORK_ADDRESS, 22)).toBe('silent');
      }
    });

    const deaths = [
      ['killed', () => stageOf().lab.server('down'), () => stageOf().lab.server('up')],
      [
        'blackholed',
        () => stageOf().lab.fault('tunnel-silent', true),
        () => stageOf().lab.fault('tunnel-silent', false),
      ],
    ] as const;
    test.each(deaths)('case 13: the server is %s under a flood: nothing leaks', async (how, dies, returns) => {
      const { digits } = newToken();
      await insist(stageOf(), flood(digits));
      await stageOf().lab.resetCounts();
      const died = performance.now();
      await dies();
      await until('the gate is not open', async () => (await statusOf(stageOf())).phase !== 'open', BLOCKED_MS);
      const blockedMs = Math.round(performance.now() - died);
      await returns();
      const returned = performance.now();
      await until('the gate is open again', async () => (await statusOf(stageOf())).phase === 'open');
      const backMs = Math.round(performance.now() - returned);
      expect(await stageOf().lab.witnessed()).toMatchObject({ foreign: 0 });
      expect(await captured(stageOf(), digits)).toBe(false);
      process.stderr.write(`case 13, ${how}: gate closed after ${blockedMs} ms, open again after ${backMs} ms\n`);
    });
  });
}
