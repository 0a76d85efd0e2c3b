/** Connections of the host's programs through a gate: what is let through, and that none outlives the gate's close. */
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { errors as gatewayErrors } from '../../../src/gateway/codes.ts';
import { SupervisorClient } from '../../../src/supervisor/client.ts';
import { type Names, playResolver } from './resolver.ts';
import { Stand } from './stand.ts';

jest.setTimeout(30_000);

const RESOLVER = '10.66.0.1:53';
const SITE = '203.0.113.80';
const TUNNEL = 'tun0';

type StreamAsk = Parameters<typeof SupervisorClient.stream>[2];

let stand: Stand;
let names: Names;
const opened: Duplex[] = [];

beforeEach(async () => {
  names = new Map([
    ['site.example', [SITE]],
    ['rebound.example', ['127.0.0.1', '10.0.0.1', '10.213.0.2']],
    ['half.example', ['192.168.1.1', SITE]],
    ['twins.example', ['203.0.113.81', SITE]],
    ['empty.example', []],
  ]);
  stand = await Stand.open();
  await stand.supervise();
  stand.parts.weather.onDial = (to, far) => (to === RESOLVER ? playResolver(far, names) : undefined);
});
afterEach(async () => {
  for (const stream of opened.splice(0)) stream.destroy();
  await stand.close();
});

async function stream(ask: StreamAsk): Promise<{ readonly near: Duplex; readonly far: Duplex | undefined }> {
  const near = await stand.during(SupervisorClient.stream('default', stand.layout, ask));
  if (near === undefined) throw new Error('no supervisor listens');
  near.on('error', () => undefined).resume();
  opened.push(near);
  return { near, far: stand.parts.weather.dialled };
}

const connect = (host: string, port = 443) => stream({ verb: 'connect', host, port });
/** What was dialled for the host itself: starts of work VMs and the tunnel's first sign of life left out. */
const dials = () => stand.parts.weather.dials.filter((to) => to !== RESOLVER && !to.startsWith('10.213.'));
const leases = () => [...stand.parts.control.leases];
const isGone = (each: Duplex) => each.destroyed || each.readableEnded;

async function heardFrom(each: Duplex, count: number): Promise<string> {
  const chunks: Buffer[] = [];
  each.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  await stand.until(() => Buffer.concat(chunks).length >= count);
  return Buffer.concat(chunks).toString();
}

describe('while the gate is not open', () => {
  test('nothing is looked up and nothing dialled', async () => {
    await expect(connect('site.example')).rejects.toMatchObject({ code: 'GATE_NOT_VERIFIED', exit: 4 });
    await expect(stand.ask({ verb: 'proxy' })).rejects.toMatchObject({ code: 'GATE_NOT_VERIFIED', exit: 4 });
    expect(stand.parts.controls).toEqual([]);
  });
});

describe('through an open gate', () => {
  beforeEach(() => stand.up());

  test('bytes go both ways, under a lease that is the tunnel’s own', async () => {
    expect(leases()).not.toContain(TUNNEL);
    const { near, far } = await connect(SITE);
    expect(leases()).toEqual(expect.arrayContaining([TUNNEL, 'probe0']));
    far?.write('far');
    expect(await heardFrom(near, 3)).toBe('far');
    near.write('near');
    if (far !== undefined) expect(await heardFrom(far, 4)).toBe('near');
    expect(dials()).toEqual([`${SITE}:443`]);
  });

  test('the lease is renewed while somebody uses it and ends with the last, the gate open all along', async () => {
    const { near } = await connect(SITE);
    const asked = () => stand.parts.control.said.filter((each) => each === `lease probe0`).length;
    for (const pulses of [1, 2, 3]) {
      await stand.until(() => stand.parts.control.said.filter((each) => each.includes(TUNNEL)).length > pulses);
    }
    const before = asked();
    near.destroy();
    await stand.until(() => !leases().includes(TUNNEL));
    expect(asked()).toBeGreaterThan(before);
    expect(await stand.phase()).toBe('open');
  });

  test('a proxy that waits keeps the lease, and a complete verification leaves it in place', async () => {
    const client = await stand.client();
    const waiting = client.ask({ verb: 'proxy' }).catch(() => undefined);
    await stand.until(() => leases().includes(TUNNEL));
    await stand.ask({ verb: 'verify' });
    expect(await stand.phase()).toBe('open');
    expect(leases()).toContain(TUNNEL);
    expect(await stand.ask({ verb: 'status' })).toMatchObject({ host: { listeners: 1, connections: 0 } });
    client.close();
    await stand.during(waiting);
    expect(await stand.ask({ verb: 'status' })).toMatchObject({ host: { listeners: 0 } });
    await stand.until(() => !leases().includes(TUNNEL));
  });

  test('a name is asked of the tunnel’s resolver, and what it says is dialled', async () => {
    await connect('Site.Example.', 80);
    expect(stand.parts.weather.dials).toContain(RESOLVER);
    expect(dials()).toEqual([`${SITE}:80`]);
  });

  test('an address that does not answer is no reason not to try the next', async () => {
    const { onDial } = stand.parts.weather;
    stand.parts.weather.onDial = (to, far) => {
      if (to !== '203.0.113.81:443') return onDial(to, far);
      throw VmgateError.of(gatewayErrors.GATEWAY_DIAL_FAILED, { address: to, port: 443, reason: 'refused' });
    };
    await connect('twins.example');
    expect(dials()).toEqual(['203.0.113.81:443', `${SITE}:443`]);
  });

  test.each([
    ['127.0.0.1', 'GATE_TARGET_REFUSED'],
    ['10.213.0.2', 'GATE_TARGET_REFUSED'],
    ['10.66.0.2', 'GATE_TARGET_REFUSED'],
    ['192.168.1.1', 'GATE_TARGET_REFUSED'],
    ['169.254.169.254', 'GATE_TARGET_REFUSED'],
    ['10.0.2.2', 'GATE_TARGET_REFUSED'],
    ['localhost', 'GATE_TARGET_REFUSED'],
    ['127.1', 'GATE_TARGET_REFUSED'],
    ['::1', 'GATE_TARGET_REFUSED'],
    ['rebound.example', 'GATE_TARGET_REFUSED'],
    ['empty.example', 'GATE_NAME_UNKNOWN'],
    ['nobody.example', 'GATE_NAME_UNKNOWN'],
  ])('%s: %s, nothing dialled', async (host, code) => {
    await expect(connect(host)).rejects.toMatchObject({ code, exit: 4 });
    expect(dials()).toEqual([]);
    expect(leases()).not.toContain(TUNNEL);
  });

  test('of a name’s addresses only those that may be are dialled', async () => {
    await connect('half.example');
    expect(dials()).toEqual([`${SITE}:443`]);
  });

  test.each(['wrong id', 'wrong name', 'garbage', 'silent', 'endless', 'hangs up'] as const)(
    'a resolver that is %s: the name is unknown',
    async (fault) => {
      stand.parts.weather.onDial = (to, far) => (to === RESOLVER ? playResolver(far, names, fault) : undefined);
      await expect(connect('site.example')).rejects.toMatchObject({ code: 'GATE_NAME_UNKNOWN' });
      expect(dials()).toEqual([]);
    },
  );

  test('only so many at a time; one that ends makes room', async () => {
    const streams = await Promise.all(Array.from({ length: 48 }, () => connect(SITE)));
    await expect(connect(SITE)).rejects.toMatchObject({ code: 'GATE_STREAMS_FULL', exit: 4 });
    expect(await stand.phase()).toBe('open');
    streams[0]?.near.destroy();
    await stand.until(() =>
      connect(SITE).then(
        () => true,
        () => false,
      ),
    );
  });
});

describe('when the gate closes', () => {
  beforeEach(() => stand.up());

  const lose = () => {
    stand.parts.weather.outcomes.set('dns', 'unknown');
  };
  const find = () => stand.parts.weather.outcomes.clear();

  test('every connection is cut, none is made, and none comes back with the gate', async () => {
    const [first, second] = [await connect(SITE), await connect('site.example')];
    lose();
    await stand.until(async () => (await stand.phase()) !== 'open');
    // Before the gate is told to forget what it forwards: nothing waits for the gateway.
    for (const { far } of [first, second]) expect(far?.destroyed).toBe(true);
    await stand.until(() => isGone(first.near) && isGone(second.near));
    await expect(connect(SITE)).rejects.toMatchObject({ code: 'GATE_NOT_VERIFIED' });
    await stand.until(() => leases().length === 0);
    const before = dials().length;
    find();
    await stand.until(async () => (await stand.phase()) === 'open');
    expect(dials().length).toBe(before);
    expect(isGone(first.near)).toBe(true);
    await connect(SITE);
    expect(dials().length).toBe(before + 1);
  });

  test('the guard is told first, then the connections go, both before the gateway is asked for anything', async () => {
    await connect(SITE);
    const { held } = stand.parts.weather;
    const order: string[] = [];
    const { guard, control } = stand.parts;
    const disarm = guard.disarm.bind(guard);
    guard.disarm = () => {
      order.push(`guard, connection ${held?.destroyed === true ? 'cut' : 'alive'}`);
      disarm();
    };
    const unlease = control.unlease.bind(control);
    control.unlease = async () => {
      order.push(`unlease, connection ${held?.destroyed === true ? 'cut' : 'alive'}`);
      return unlease();
    };
    lose();
    await stand.until(async () => (await stand.phase()) !== 'open');
    await stand.until(() => order.length > 1);
    expect(order.slice(0, 2)).toEqual(['guard, connection alive', 'unlease, connection cut']);
  });

  test('a connection that was being made is refused as the close came first', async () => {
    const { onDial } = stand.parts.weather;
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    stand.parts.weather.onDial = (to, far) => (to === `${SITE}:443` ? held : onDial(to, far));
    const asked = connect(SITE).catch((cause: unknown) => cause);
    await stand.until(() => dials().length > 0);
    lose();
    await stand.until(async () => (await stand.phase()) !== 'open');
    goOn();
    expect(await asked).toMatchObject({ code: 'GATE_NOT_VERIFIED' });
    expect(stand.parts.weather.dialled?.destroyed).toBe(true);
  });

  test.each<[string, () => void]>([
    ['the guard is lost', () => stand.parts.guard.die()],
    ['the control channel is lost', () => stand.parts.control.break()],
    ['this machine stood still', () => stand.parts.guard.report({ type: 'disarmed', why: 'deadline' })],
    [
      'something foreign was held back',
      () => stand.parts.guard.report({ type: 'violation', why: 'x', frame: '', canary: false, recorded: true }),
    ],
  ])('%s: cut as well', async (_what, happen) => {
    const { near, far } = await connect(SITE);
    happen();
    await stand.until(() => far?.destroyed === true && isGone(near));
  });

  test('vmgate down cuts as well, and ends what waits for more', async () => {
    const { near } = await connect(SITE);
    const client = await stand.client();
    const waiting = client.ask({ verb: 'proxy' }).catch((cause: unknown) => cause);
    await stand.ask({ verb: 'down' });
    await stand.until(() => isGone(near));
    expect(await stand.during(waiting)).toMatchObject({ code: 'GATE_SUPERVISOR_DIED' });
  });
});

describe('to a work VM', () => {
  beforeEach(async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
  });

  const reach = (name: string, port = 80) => stream({ verb: 'reach', name, port });

  test('its port, on its own link, without a lease of the tunnel', async () => {
    const { near, far } = await reach('a', 8_080);
    expect(stand.parts.weather.dials.at(-1)).toMatch(/^10\.213\.0\.2:8080$/);
    expect(leases()).not.toContain(TUNNEL);
    far?.write('from the VM');
    expect(await heardFrom(near, 11)).toBe('from the VM');
  });

  test('that does not run, or is not there', async () => {
    await expect(reach('b')).rejects.toMatchObject({ code: 'GATE_WORK_NOT_RUNNING', exit: 4 });
    await expect(reach('c')).rejects.toMatchObject({ code: 'GATE_UNKNOWN_VM', exit: 2 });
    await expect(stand.ask({ verb: 'forward', name: 'b' })).rejects.toMatchObject({ code: 'GATE_WORK_NOT_RUNNING' });
  });

  test('cut when the gate closes; anti-test: a shell’s stream is not, and outlives it', async () => {
    const forwarded = await reach('a');
    const client = await stand.client();
    const shell = await stand.during(client.dial('a', 22));
    shell.on('error', () => undefined).resume();
    const shellEnd = stand.parts.weather.dialled;
    stand.parts.weather.outcomes.set('dns', 'unknown');
    await stand.until(async () => (await stand.phase()) !== 'open');
    expect(forwarded.far?.destroyed).toBe(true);
    await stand.until(() => isGone(forwarded.near));
    expect(shellEnd?.destroyed).toBe(false);
    expect(isGone(shell)).toBe(false);
    await expect(reach('a')).rejects.toMatchObject({ code: 'GATE_NOT_VERIFIED' });
  });

  test('the VM’s end cuts, and ends the forward', async () => {
    const { near } = await reach('a');
    const client = await stand.client();
    const waiting = client.ask({ verb: 'forward', name: 'a' }).catch((cause: unknown) => cause);
    await stand.ask({ verb: 'stop', name: 'a', force: true });
    await stand.until(() => isGone(near));
    expect(await stand.during(waiting)).toMatchObject({ code: 'GATE_WORK_NOT_RUNNING', exit: 4 });
  });
});
