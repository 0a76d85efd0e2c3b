import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  BROADCAST_MAC,
  buildDhcpClient,
  type DhcpClientFields,
  parsePcap,
  udpFrame,
} from '../../../src/frame/index.ts';
import { type Guard, type GuardReport, startGuard } from '../../../src/guard/index.ts';
import { foreignFrame, tunnelFrame } from '../core/policy/frames.ts';
import { openPolicy } from '../core/policy/policies.ts';
import { buildProgram } from './build.ts';
import { FakeGateway } from './fake-gateway.ts';

// Real processes, perhaps on a machine that does other things too.
jest.setTimeout(30_000);

const { uplink, endpoints, tunnel } = openPolicy;
let program: string;
let gateway: FakeGateway;
let guard: Guard;
let reports: GuardReport[];

beforeAll(async () => {
  program = await buildProgram('src/guard/main.ts');
});
afterAll(() => rmSync(path.dirname(program), { recursive: true }));

beforeEach(async () => {
  gateway = await FakeGateway.start();
  reports = [];
  guard = await startGuard({ setup: setupOf(gateway), uplink, entry: program });
  guard.onReport((report) => reports.push(report));
});
afterEach(async () => {
  await guard.kill();
  await gateway.close();
});

function setupOf({ outgoing, released, folder }: FakeGateway) {
  return { outgoing, released, evidence: path.join(folder, 'evidence'), evidenceMaxBytes: 65_536 };
}

/** A guard that lets the tunnel's packets out. */
async function armed(forMs = 5_000): Promise<void> {
  guard.setPolicy(uplink, endpoints, tunnel);
  guard.arm(1, forMs);
  expect((await guard.sync()).armed).toBe(true);
}

/** The guard without its handle, not armed. */
function bare(at: FakeGateway) {
  const child = spawn(process.execPath, [program], { env: {}, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.write(`${JSON.stringify({ type: 'setup', ...setupOf(at) })}\n`);
  child.stdin.write(`${JSON.stringify({ type: 'policy', uplink, endpoints })}\n`);
  return child;
}

function reported<T extends GuardReport['type']>(type: T): Extract<GuardReport, { type: T }>[] {
  return reports.filter((report): report is Extract<GuardReport, { type: T }> => report.type === type);
}

function nextReport(type: GuardReport['type']): Promise<GuardReport> {
  const known = reports.find((report) => report.type === type);
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve) => {
    guard.onReport((report) => {
      if (report.type === type) resolve(report);
    });
  });
}

describe('armed', () => {
  test('lets the tunnel out, unchanged and in order, and counts it', async () => {
    await armed();
    const frames = [64, 1_452, 32].map((length, index) => tunnelFrame(length, index));
    await gateway.send(...frames);
    await gateway.received(3);
    expect(gateway.out).toEqual(frames);
    const { counts } = await guard.sync();
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    expect(counts).toMatchObject({ passed: { tunnel: { frames: 3, bytes } }, held: 0, foreign: 0, overrun: 0 });
  });

  test('a frame that comes in pieces leaves whole', async () => {
    await armed();
    const frame = tunnelFrame(1_024);
    const framed = Buffer.concat([Buffer.from([0, 0, frame.length >> 8, frame.length & 0xff]), frame]);
    for (const byte of [framed.subarray(0, 2), framed.subarray(2, 30), framed.subarray(30)]) {
      await gateway.sendRaw(byte);
      await guard.sync();
    }
    await gateway.received(1);
    expect(gateway.out).toEqual([frame]);
  });

  test('no gateway is believed when it sends a length no frame has', async () => {
    await armed();
    await gateway.sendRaw(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
    expect(await nextReport('gateway-lost')).toMatchObject({ why: expect.stringContaining('length') });
  });

  test('a crashed gateway is reported', async () => {
    gateway.crash();
    expect(await nextReport('gateway-lost')).toBeDefined();
  });
});

describe('while the network is asked for an address', () => {
  const { mac } = uplink;
  const noAddress = { mac, address: undefined, nextHop: undefined, dhcp: true };
  const dhcp = (fields: Partial<DhcpClientFields> = {}) =>
    udpFrame(
      { sourceMac: mac, destinationMac: BROADCAST_MAC },
      { source: '0.0.0.0', destination: '255.255.255.255', sourcePort: 68, destinationPort: 67 },
      buildDhcpClient({ type: 1, mac, transaction: 7, ...fields }),
    );

  test('DHCP leaves and nothing else, whatever was allowed before; then the tunnel, in a generation of its own', async () => {
    await armed();
    guard.setPolicy(noAddress, []);
    guard.arm(2, 5_000);
    await gateway.send(dhcp(), dhcp({ type: 3, transaction: 8 }));
    await gateway.received(2);
    guard.disarm();
    guard.setPolicy({ ...uplink, dhcp: true }, endpoints, tunnel);
    guard.arm(2, 5_000);
    expect((await guard.sync()).armed).toBe(false);
    guard.arm(3, 5_000);
    // A lease that changed meanwhile may still be named by the client.
    await gateway.send(tunnelFrame(64), dhcp({ type: 3, clientAddress: '192.168.1.77' }));
    await gateway.received(4);
    expect((await guard.sync()).counts).toMatchObject({ held: 0, foreign: 0 });
  });

  test.each([
    ['the tunnel', tunnelFrame(64)],
    ["a release of somebody's address", dhcp({ type: 7, clientAddress: '192.168.1.77' })],
    ['a name', dhcp({ options: [{ code: 12, value: Buffer.from('laptop') }] })],
  ])('%s is a violation', async (_, frame) => {
    guard.setPolicy(noAddress, []);
    guard.arm(1, 5_000);
    await gateway.send(frame);
    expect(await nextReport('violation')).toMatchObject({ canary: false });
    expect(gateway.out).toEqual([]);
  });
});

describe('not armed', () => {
  test('holds what would be allowed', async () => {
    guard.setPolicy(uplink, endpoints, tunnel);
    await guard.sync();
    await gateway.send(tunnelFrame(), tunnelFrame());
    const { counts, armed: isArmed } = await guard.sync();
    expect(counts).toMatchObject({ held: 2, foreign: 0 });
    expect(isArmed).toBe(false);
    expect(gateway.out).toEqual([]);
  });

  test('disarm takes effect at once, and an arm of the same generation comes too late', async () => {
    await armed();
    guard.disarm();
    guard.arm(1, 5_000);
    await guard.sync();
    await gateway.send(tunnelFrame());
    expect((await guard.sync()).counts).toMatchObject({ held: 1, passed: { tunnel: { frames: 0 } } });
    expect(reported('disarmed')).toEqual([{ type: 'disarmed', why: 'order' }]);
    guard.arm(2, 5_000);
    await guard.sync();
    await gateway.send(tunnelFrame());
    await gateway.received(1);
  });

  test('a new policy disarms', async () => {
    await armed();
    guard.setPolicy(uplink, endpoints, tunnel);
    await guard.sync();
    await gateway.send(tunnelFrame());
    expect((await guard.sync()).counts.held).toBe(1);
    expect(reported('disarmed')).toEqual([{ type: 'disarmed', why: 'policy' }]);
  });

  test('past the deadline nothing leaves, and it says so by itself', async () => {
    await armed(1_000);
    await nextReport('disarmed');
    await gateway.send(tunnelFrame());
    expect((await guard.sync()).counts.held).toBe(1);
    expect(reported('disarmed')).toEqual([{ type: 'disarmed', why: 'deadline' }]);
    expect(gateway.out).toEqual([]);
  });

  test('orders that waited while it was stopped do not arm it again', async () => {
    await armed(1_500);
    process.kill(guard.pid, 'SIGSTOP');
    guard.arm(1, 1_500);
    await gateway.send(tunnelFrame());
    await new Promise((resolve) => setTimeout(resolve, 1_700));
    process.kill(guard.pid, 'SIGCONT');
    const { counts, armed: isArmed } = await guard.sync();
    expect(isArmed).toBe(false);
    expect(counts.held).toBe(1);
    expect(gateway.out).toEqual([]);
  });
});

describe('violated', () => {
  test('one foreign frame ends it: evidence, report, and nothing leaves ever after', async () => {
    await armed();
    await gateway.send(tunnelFrame(), foreignFrame(), tunnelFrame());
    await gateway.received(1);
    const { counts, armed: isArmed } = await guard.sync();
    expect(counts).toMatchObject({ passed: { tunnel: { frames: 1 } }, foreign: 1, held: 1 });
    expect(isArmed).toBe(false);
    expect(reported('violation')).toEqual([
      {
        type: 'violation',
        why: 'destination is not the endpoint',
        frame: foreignFrame().toString('hex'),
        canary: false,
        recorded: true,
      },
    ]);
    const kept = parsePcap(readFileSync(path.join(gateway.folder, 'evidence', 'first.pcap')));
    expect(kept?.map(({ frame }) => frame)).toEqual([foreignFrame()]);

    guard.setPolicy(uplink, endpoints, tunnel);
    guard.arm(2, 5_000);
    await gateway.send(tunnelFrame());
    expect((await guard.sync()).counts).toMatchObject({ held: 2, passed: { tunnel: { frames: 1 } } });
    expect(gateway.out).toHaveLength(1);
  });

  test('a foreign frame counts while nothing is armed too', async () => {
    await gateway.send(foreignFrame());
    expect((await guard.sync()).counts.foreign).toBe(1);
  });

  test('where no evidence can be written: blocked all the same, counted, and said', async () => {
    await guard.kill();
    await gateway.close();
    gateway = await FakeGateway.start();
    const setup = { ...setupOf(gateway), evidence: path.join(program, 'no-folder') };
    guard = await startGuard({ setup, uplink, entry: program });
    guard.onReport((report) => reports.push(report));
    await armed();
    await gateway.send(foreignFrame(), tunnelFrame());
    const { counts, armed: isArmed } = await guard.sync();
    expect(counts).toMatchObject({ foreign: 1, unrecorded: 1, held: 1 });
    expect(isArmed).toBe(false);
    expect(reported('violation')).toMatchObject([{ recorded: false }]);
    expect(gateway.out).toEqual([]);
  });

  test('a canary is found in a frame that is otherwise allowed', async () => {
    const token = '00112233445566778899';
    await armed();
    guard.watchFor([token]);
    await guard.sync();
    const carrier = tunnelFrame();
    Buffer.from(token, 'hex').copy(carrier, 80);
    await gateway.send(tunnelFrame(), carrier);
    await gateway.received(1);
    const { counts } = await guard.sync();
    expect(counts).toMatchObject({ canaries: 1, foreign: 0, passed: { tunnel: { frames: 1 } } });
    expect(reported('violation')).toMatchObject([{ canary: true, why: 'canary in a tunnel frame' }]);
  });

  test('a flood of foreign frames is reported a few times and counted whole', async () => {
    const began = performance.now();
    await gateway.send(...Array.from({ length: 5_000 }, foreignFrame));
    expect((await guard.sync(10_000)).counts.foreign).toBe(5_000);
    const seconds = Math.ceil((performance.now() - began) / 1_000);
    expect(reported('violation')).toHaveLength(8);
    // Of a flood the first 200 of a second are written down.
    const { foreign, unrecorded } = (await guard.sync()).counts;
    expect(foreign - unrecorded).toBeGreaterThanOrEqual(200);
    expect(foreign - unrecorded).toBeLessThanOrEqual(200 * (seconds + 1));
  });
});

test('the process inherits nothing and cannot turn text into code', async () => {
  const about = path.join(gateway.folder, 'about.mjs');
  writeFileSync(
    about,
    `const evaluates = (() => { try { return new Function('return true')(); } catch { return false; } })();
     const inherited = ['NODE_OPTIONS', 'PATH', 'HOME'].filter((name) => name in process.env);
     console.error(JSON.stringify({ evaluates, inherited }));
     process.exit(9);`,
  );
  await expect(startGuard({ setup: setupOf(gateway), uplink, entry: about })).rejects.toMatchObject({
    payload: { why: expect.stringContaining('{"evaluates":false,"inherited":[]}') },
  });
});

test('a process that speaks another language guards nothing and is ended', async () => {
  const babble = path.join(gateway.folder, 'babble.mjs');
  writeFileSync(
    babble,
    `console.log('{"type":"ready"}'); console.log('{"type":"all is well"}'); setTimeout(() => {}, 5_000);`,
  );
  const babbling = await startGuard({ setup: setupOf(gateway), uplink, entry: babble });
  expect(await babbling.ended).toBe('was ended by SIGKILL');
});

describe('pipes', () => {
  test('the end of stdin is the end of the guard, with nothing let out after it', async () => {
    const alone = await FakeGateway.start();
    const child = bare(alone);
    await once(child.stdout, 'data');
    child.stdin.end();
    await alone.send(tunnelFrame());
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(alone.out).toEqual([]);
    await alone.close();
  });

  test('a line that is no order is the end of the guard too', async () => {
    const alone = await FakeGateway.start();
    const child = bare(alone);
    child.stdin.write('{"type":"accept-all"}\n');
    expect(await once(child, 'exit')).toEqual([1, null]);
    await alone.close();
  });

  test('a supervisor that does not read its reports does not stop it from reading frames', async () => {
    const alone = await FakeGateway.start();
    const child = bare(alone);
    await once(child.stdout, 'data');
    child.stdout.pause();
    for (let id = 0; id < 20_000; id += 1) child.stdin.write('{"type":"sync","id":1}\n');
    // More than all the buffers on the way: it arrives only if somebody keeps reading.
    for (let round = 0; round < 10; round += 1)
      await alone.send(...Array.from({ length: 1_000 }, () => tunnelFrame(1_440)));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await alone.close();
  });

  test('it keeps reading when what it lets out is not read: lost, not queued without bound', async () => {
    await armed();
    gateway.readReleased(false);
    const batch = Array.from({ length: 500 }, () => tunnelFrame(1_440));
    for (let round = 0; round < 20; round += 1) await gateway.send(...batch);
    const { counts } = await guard.sync(10_000);
    expect(counts.overrun).toBeGreaterThan(5_000);
    expect((counts.passed['tunnel']?.frames ?? 0) + counts.overrun).toBe(10_000);
    gateway.readReleased(true);
  });

  test('what waits to leave is what was judged, whatever comes in behind it', async () => {
    await armed();
    gateway.readReleased(false);
    const frames = Array.from({ length: 600 }, (_, index) => {
      const frame = tunnelFrame(1_440);
      frame.writeUInt32BE(index, 100);
      return frame;
    });
    for (let from = 0; from < frames.length; from += 20) {
      await gateway.send(...frames.slice(from, from + 20));
      await guard.sync();
    }
    gateway.readReleased(true);
    const { counts } = await guard.sync();
    await gateway.received(counts.passed['tunnel']?.frames ?? 0);
    expect(gateway.out.filter((frame) => !frame.equals(frames[frame.readUInt32BE(100)] ?? frame.subarray(1)))).toEqual(
      [],
    );
    expect(gateway.out.map((frame) => frame.readUInt32BE(100))).toEqual(
      [...new Set(gateway.out.map((frame) => frame.readUInt32BE(100)))].toSorted((a, b) => a - b),
    );
  });

  test('frames that wait when passing ends are thrown away, with the gateway', async () => {
    await armed();
    gateway.readReleased(false);
    for (let round = 0; round < 4; round += 1)
      await gateway.send(...Array.from({ length: 500 }, () => tunnelFrame(1_440)));
    await guard.sync();
    guard.disarm();
    expect(await nextReport('gateway-lost')).toMatchObject({ why: expect.stringContaining('waited') });
  });
});

test('a guard that cannot reach the gateway is refused with the reason', async () => {
  const setup = { ...setupOf(gateway), released: path.join(gateway.folder, 'nobody.sock') };
  await expect(startGuard({ setup, uplink, entry: program })).rejects.toMatchObject({
    code: 'GUARD_NOT_STARTED',
    what: expect.stringContaining('ENOENT'),
  });
});

test('anti-test: a guard that judges nothing lets the foreign frame out, and it is seen here', async () => {
  const open = await buildProgram('src/lab/guard-open.ts');
  const alone = await FakeGateway.start();
  const careless = await startGuard({ setup: setupOf(alone), uplink, entry: open });
  careless.arm(1, 5_000);
  await careless.sync();
  await alone.send(foreignFrame());
  await alone.received(1);
  expect(alone.out).toEqual([foreignFrame()]);
  await careless.kill();
  await alone.close();
  rmSync(path.dirname(open), { recursive: true });
});
