import { afterEach, describe, expect, test } from '@jest/globals';
import { openControl } from '../../../src/gateway/channel.ts';
import { MAX_ANSWER } from '../../../src/gateway/protocol.ts';
import { makeKeyPair, openSshPrivateKey } from '../../../src/ssh/index.ts';
import { type Answering, type Asked, answer, type Behaviour, type FakeGateway, fakeGateway } from './fake-gateway.ts';

const HELLO = { v: 1, bootId: '0b5a', uptimeMs: 2_700, layers: ['base', 'wireguard'] };
const DONE = { v: 1, ok: true };

const running: FakeGateway[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
});

async function gatewayThat(behaviour: Behaviour): Promise<FakeGateway> {
  const gateway = await fakeGateway(behaviour);
  running.push(gateway);
  return gateway;
}

const always = (document: unknown, exit = 0): Behaviour => ({
  onVerb: (_asked, channel) => answer(channel, document, exit),
});

async function connected(behaviour: Behaviour, deadlines = {}) {
  const gateway = await gatewayThat(behaviour);
  return { gateway, control: await openControl({ ...gateway, withinMs: 5_000, deadlines }) };
}

describe('getting through', () => {
  test('asks a verb and parses the answer', async () => {
    const { control, gateway } = await connected(always(HELLO));
    expect(await control.hello()).toEqual(HELLO);
    expect(gateway.asked).toEqual([{ verb: 'hello', stdin: '' }]);
    control.close();
    expect(await control.closed).toBe('closed by vmgate');
  });

  test('skips what an earlier client left in the port', async () => {
    const { control } = await connected({ ...always(HELLO), stale: Buffer.from('\0garbage SSH-1.9 SSH-2.') });
    expect(await control.hello()).toEqual(HELLO);
    control.close();
  });

  test('tries again when stale bytes spoil a handshake', async () => {
    const gateway = await gatewayThat(always(HELLO));
    let attempts = 0;
    const openStream = async () => {
      attempts++;
      const stream = await gateway.openStream();
      if (attempts === 1) stream.unshift(Buffer.from('SSH-2.0-dropbear_2025.89\r\nSSH-2.0-again\r\n\0\0\0\0'));
      return stream;
    };
    const control = await openControl({ ...gateway, openStream, withinMs: 5_000 });
    expect(attempts).toBe(2);
    control.close();
  });

  test('waits for a gateway that has no socket yet', async () => {
    const gateway = await gatewayThat(always(HELLO));
    let attempts = 0;
    const openStream = () => (++attempts < 3 ? Promise.reject(new Error('ENOENT')) : gateway.openStream());
    const control = await openControl({ ...gateway, openStream, withinMs: 5_000 });
    expect(attempts).toBe(3);
    control.close();
  });

  test('gives up on a gateway that never speaks', async () => {
    const gateway = await gatewayThat({ mute: true });
    await expect(openControl({ ...gateway, withinMs: 200 })).rejects.toMatchObject({
      code: 'GATEWAY_NO_ANSWER',
      exit: 7,
    });
  });

  test('gives up at once when told that the gateway is gone', async () => {
    const gateway = await gatewayThat({ mute: true });
    const stop = new AbortController();
    const opening = openControl({ ...gateway, withinMs: 60_000, signal: stop.signal });
    stop.abort(new Error('QEMU ended'));
    await expect(opening).rejects.toMatchObject({ code: 'GATEWAY_NO_ANSWER', payload: { reason: 'QEMU ended' } });
  });

  test('gives up at once on a gateway that refuses our key', async () => {
    const gateway = await gatewayThat(always(HELLO));
    const credentials = { ...gateway.credentials, clientKey: openSshPrivateKey(makeKeyPair(), 'stranger') };
    await expect(openControl({ ...gateway, credentials, withinMs: 60_000 })).rejects.toMatchObject({
      code: 'GATEWAY_NO_ANSWER',
      payload: { reason: expect.stringContaining('authentication') },
    });
    expect(gateway.connections).toHaveLength(1);
  });

  test('refuses another host key, without a second attempt and before it authenticates', async () => {
    const gateway = await gatewayThat({ ...always(HELLO), hostKey: makeKeyPair() });
    await expect(openControl({ ...gateway, withinMs: 5_000 })).rejects.toMatchObject({
      code: 'GATEWAY_WRONG_KEY',
      exit: 4,
      payload: { expected: gateway.credentials.hostKey },
    });
    expect(gateway.connections).toHaveLength(1);
    expect(gateway.asked).toEqual([]);
  });
});

describe('verbs', () => {
  test('send their settings on stdin and nothing in the command', async () => {
    const { control, gateway } = await connected({
      onVerb: ({ verb }, channel) =>
        answer(channel, verb === 'lease' ? { v: 1, leases: [{ ifname: 'work0', expiresMs: 14_990 }] } : DONE),
    });
    await control.apply('{"nftables":[]}');
    expect(await control.lease(['work0', 'probe0'])).toEqual({
      v: 1,
      leases: [{ ifname: 'work0', expiresMs: 14_990 }],
    });
    await control.setClock(1_700_000_000_123.4);
    expect(gateway.asked).toEqual([
      { verb: 'apply', stdin: '{"nftables":[]}' },
      { verb: 'lease', stdin: 'work0\nprobe0\n' },
      { verb: 'clock', stdin: '1700000000123\n' },
    ]);
    control.close();
  });

  test('that change something run one after the other, so a lease cannot overtake an unlease', async () => {
    const open: Answering[] = [];
    const { control, gateway } = await connected({ onVerb: (_asked, channel) => open.push(channel) });
    const settled: string[] = [];
    const lease = control.lease(['work0']).then(() => settled.push('lease'));
    const unlease = control.unlease().then(() => settled.push('unlease'));
    // facts only reads: it is answered while the lease still waits
    const facts = control.facts().catch(() => settled.push('facts'));
    const heard = async (count: number) => {
      while (open.length < count) await new Promise((resolve) => setImmediate(resolve));
    };
    await heard(2);
    expect(gateway.asked.map(({ verb }) => verb).sort()).toEqual(['facts', 'lease']);
    const byVerb = (verb: string) => open[gateway.asked.findIndex((one) => one.verb === verb)] as Answering;
    answer(byVerb('facts'), { v: 1, ok: false, step: 'nft', detail: '' }, 1);
    await facts;
    answer(byVerb('lease'), { v: 1, leases: [] });
    await lease;
    await heard(3);
    answer(byVerb('unlease'), DONE);
    await unlease;
    expect(settled).toEqual(['facts', 'lease', 'unlease']);
    control.close();
  });

  test('that fail say which step and what it said, and the channel goes on', async () => {
    const { control } = await connected({
      onVerb: ({ verb }, channel) =>
        verb === 'apply'
          ? answer(channel, { v: 1, ok: false, step: 'nft', detail: 'line 1\nline 2' }, 1)
          : answer(channel, HELLO),
    });
    await expect(control.apply('{}')).rejects.toMatchObject({
      code: 'GATEWAY_VERB_FAILED',
      payload: { verb: 'apply', step: 'nft' },
      evidence: ['line 1', 'line 2'],
    });
    expect(await control.hello()).toEqual(HELLO);
    control.close();
  });
});

describe('a gateway that is not what it should be', () => {
  const misbehaviours: readonly (readonly [string, (asked: Asked, channel: Answering) => void, string])[] = [
    ['answers nothing', (_asked, channel) => answer(channel, ''), 'it is empty'],
    ['answers no JSON', (_asked, channel) => answer(channel, 'hello!'), 'it is not JSON'],
    [
      'answers bytes that are no text',
      (_asked, channel) => {
        channel.write(Buffer.from([0xff, 0xfe]));
        answer(channel, '');
      },
      'it is not JSON',
    ],
    ['answers another version', (_asked, channel) => answer(channel, { ...HELLO, v: 2 }), 'v: '],
    ['answers another shape', (_asked, channel) => answer(channel, { ...HELLO, layers: 'base' }), 'layers: '],
    ['answers without end', (_asked, channel) => flood(channel), `it is longer than ${MAX_ANSWER} bytes`],
  ];

  test.each(misbehaviours)('%s: refused, and never spoken to again', async (_name, onVerb, why) => {
    const { control } = await connected({ onVerb });
    await expect(control.hello()).rejects.toMatchObject({
      code: 'GATEWAY_GARBLED',
      exit: 5,
      payload: { verb: 'hello', why: expect.stringContaining(why) },
    });
    await control.closed;
    await expect(control.hello()).rejects.toMatchObject({ code: 'GATEWAY_LOST' });
  });

  const alone: readonly (readonly [string, (channel: Answering) => void, string])[] = [
    ['answers well but fails', (channel) => answer(channel, HELLO, 3), 'it came with exit status 3'],
    [
      'dies of a signal',
      (channel) => {
        channel.exit('SIGKILL');
        channel.end();
      },
      'it is empty',
    ],
  ];

  test.each(alone)('%s, in a session of its own: refused', async (_name, reply, why) => {
    const { control } = await connected({ onVerb: ({ verb }, channel) => verb === 'hello' && reply(channel) });
    const busy = control.counts().catch(() => undefined);
    await expect(control.hello()).rejects.toMatchObject({
      code: 'GATEWAY_GARBLED',
      payload: { verb: 'hello', why: expect.stringContaining(why) },
    });
    await busy;
    await expect(control.hello()).rejects.toMatchObject({ code: 'GATEWAY_LOST' });
  });

  const residents: readonly (readonly [string, (channel: Answering) => void, string])[] = [
    ['ends its shell instead of answering', (channel) => channel.exit('SIGKILL'), 'its shell ended'],
    [
      'says more than was asked',
      (channel) => {
        channel.write(`${JSON.stringify(HELLO)}\n{`);
      },
      'it said more than was asked',
    ],
  ];

  test.each(residents)('%s: never spoken to again', async (_name, reply, why) => {
    const { control } = await connected({ onVerb: (_asked, channel) => reply(channel) });
    await expect(control.hello()).rejects.toMatchObject({ code: 'GATEWAY_LOST', payload: { reason: why } });
    expect(await control.closed).toBe(why);
  });

  test('speaks without being asked: never spoken to again', async () => {
    const { control } = await connected({
      onVerb: (_asked, channel) => {
        answer(channel, HELLO);
        setImmediate(() => answer(channel, HELLO));
      },
    });
    expect(await control.hello()).toEqual(HELLO);
    expect(await control.closed).toBe('it spoke without being asked');
  });

  test('is late: refused, and never spoken to again', async () => {
    const { control } = await connected({}, { lease: 50 });
    await expect(control.lease(['work0'])).rejects.toMatchObject({
      code: 'GATEWAY_VERB_LATE',
      exit: 7,
      payload: { verb: 'lease', seconds: 0.05 },
    });
    await expect(control.unlease()).rejects.toMatchObject({ code: 'GATEWAY_LOST' });
  });

  test('goes away in the middle: everything that waits is told', async () => {
    const { control, gateway } = await connected({
      onVerb: () => {
        for (const connection of gateway.connections) connection.end();
      },
    });
    const waiting = [control.hello(), control.facts(), control.dial('10.64.0.1', 443)];
    for (const one of await Promise.allSettled(waiting))
      expect(one).toMatchObject({
        status: 'rejected',
        reason: { code: expect.stringMatching(/GATEWAY_(LOST|DIAL_FAILED)/) },
      });
    expect(await control.closed).toEqual(expect.any(String));
  });

  test('opens channels by itself: refused, all kinds', async () => {
    const outcomes: string[] = [];
    let tried: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      tried = resolve;
    });
    const { control } = await connected({
      ...always(HELLO),
      onConnection: (connection) => {
        const note = (error: Error | undefined) => {
          outcomes.push(error === undefined ? 'opened' : 'refused');
          if (outcomes.length === 3) tried();
        };
        connection.forwardOut('127.0.0.1', 22, '10.0.0.1', 1, note);
        connection.openssh_forwardOutStreamLocal('/run/docker.sock', note);
        connection.x11('127.0.0.1', 6000, note);
      },
    });
    await all;
    expect(outcomes).toEqual(['refused', 'refused', 'refused']);
    expect(await control.hello()).toEqual(HELLO);
    control.close();
  });
});

describe('dial', () => {
  test.each(['10.64.0.1', '2001:db8::80'])('is a stream both ways, to %s', async (address) => {
    const { control, gateway } = await connected({
      onConnection: (connection) =>
        connection.on('tcpip', (accept, _reject, { destIP, destPort }) => {
          const channel = accept();
          channel.write(`${destIP}:${destPort} `);
          channel.pipe(channel);
        }),
    });
    const stream = await control.dial(address, 443);
    stream.end('ping');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe(`${address}:443 ping`);
    expect(gateway.asked).toEqual([]);
    control.close();
  });

  test('refused by the far end, or not given a literal address', async () => {
    const { control } = await connected({
      onConnection: (connection) => connection.on('tcpip', (_accept, reject) => reject()),
    });
    await expect(control.dial('10.64.0.1', 443)).rejects.toMatchObject({ code: 'GATEWAY_DIAL_FAILED', exit: 4 });
    for (const host of ['vpn.example', 'fe80::1%work0', '[2001:db8::1]', '']) {
      await expect(control.dial(host, 443)).rejects.toMatchObject({
        code: 'GATEWAY_DIAL_FAILED',
        payload: { reason: 'not an IP address' },
      });
    }
    control.close();
  });
});

/** Writes for as long as somebody listens. */
function flood(channel: Answering): void {
  const chunk = Buffer.alloc(65_536, 0x20);
  const more = () => {
    if (channel.writable) channel.write(chunk, () => setImmediate(more));
  };
  more();
}
