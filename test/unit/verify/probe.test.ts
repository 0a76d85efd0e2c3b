import { afterEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { planCanaries } from '../../../src/core/checks/canary-plan.ts';
import { breaksOpenVpn } from '../../../src/core/policy/openvpn-shape.ts';
import { readAddresses } from '../../../src/frame/dns.ts';
import {
  BROADCAST_MAC,
  buildArpReply,
  buildArpRequest,
  buildEthernet,
  classify,
  ETHER_TYPES,
  icmpEchoFrame,
  ipv4Frame,
  parseArp,
  parseEthernet,
  parseIpv4,
  parseIpv6,
  transportChecksum,
  udpFrame,
} from '../../../src/frame/index.ts';
import { bounded } from '../../../src/verify/bounded.ts';
import { takeMoment, takeSnapshot } from '../../../src/verify/moment.ts';
import { renderCanary } from '../../../src/verify/probe/canary-frames.ts';
import { ProbeStation } from '../../../src/verify/probe/station.ts';
import { newToken } from '../../../src/verify/token.ts';
import { plan, policy, tunnelAddresses } from '../core/checks/facts.ts';
import { contextOf } from './contexts.ts';
import { FakeGate } from './fake-gate.ts';

const { guest, guestMac, gateway, gatewayMac } = plan.probe;
const inward = { sourceMac: gatewayMac, destinationMac: guestMac };
const flow = { source: gateway, destination: guest, sourcePort: 53, destinationPort: 20_001 };

afterEach(() => {
  jest.useRealTimers();
});

function station() {
  const sent: Buffer[] = [];
  let hear: (frame: Buffer) => void = () => undefined;
  const subject = new ProbeStation(
    {
      send: (frame) => {
        sent.push(frame);
      },
      onFrame: (listener) => {
        hear = listener;
      },
      close: () => Promise.resolve(),
    },
    plan.probe,
  );
  return { subject, sent, hear: (frame: Buffer) => hear(frame) };
}

describe('the station', () => {
  test("answers the gateway's ARP for its own address and nobody else's", () => {
    const { sent, hear } = station();
    const asker = { mac: gatewayMac, address: gateway };
    hear(buildArpRequest(asker, guest));
    hear(buildArpRequest(asker, '10.213.0.2'));
    hear(buildArpRequest({ ...asker, address: '10.0.2.15' }, guest));
    hear(buildArpRequest({ ...asker, mac: '02:00:00:00:00:09' }, guest));
    expect(sent.map((frame) => parseArp(frame.subarray(14)))).toMatchObject([
      { operation: 'reply', senderMac: guestMac, senderAddress: guest, targetMac: gatewayMac },
    ]);
  });

  test('is a barrier only once every question was answered by the gateway itself', async () => {
    const { subject, hear } = station();
    const answer = (mac: string, address = gateway) =>
      hear(buildArpReply({ mac, address }, { mac: guestMac, address: guest }));
    answer(gatewayMac, '10.0.2.15');
    jest.useFakeTimers();
    const late = expect(subject.reach(100)).rejects.toMatchObject({ code: 'VERIFY_PROBE_SILENT' });
    answer('02:00:00:00:00:09');
    await jest.advanceTimersByTimeAsync(100);
    await late;
    let reached = false;
    const reach = subject.reach(100).then(() => {
      reached = true;
    });
    answer(gatewayMac);
    await jest.advanceTimersByTimeAsync(1);
    expect(reached).toBe(false);
    answer(gatewayMac);
    await reach;
  });

  test('watches what is sent to its address, but for refusals', () => {
    const { subject, hear } = station();
    hear(udpFrame(inward, flow, Buffer.from('early')));
    const replies = subject.watch();
    const unreachable = Buffer.from([3, 1, 0, 0, 0, 0, 0, 0]);
    hear(udpFrame(inward, flow, Buffer.from('answer')));
    hear(
      icmpEchoFrame(
        inward,
        { source: '10.0.2.2', destination: guest },
        { identifier: 1, sequence: 1, data: Buffer.alloc(4) },
        'reply',
      ),
    );
    hear(
      buildEthernet({
        source: gatewayMac,
        destination: guestMac,
        etherType: ETHER_TYPES.ipv6,
        payload: Buffer.alloc(40),
      }),
    );
    hear(ipv4Frame(inward, flow, 1, unreachable));
    hear(ipv4Frame(inward, { source: gateway, destination: guest }, 17, Buffer.alloc(3)));
    hear(udpFrame({ ...inward, destinationMac: BROADCAST_MAC }, flow, Buffer.from('to all')));
    hear(udpFrame({ ...inward, sourceMac: '02:00:00:00:00:09' }, flow, Buffer.from('of a stranger')));
    hear(Buffer.alloc(5));
    expect(replies()).toHaveLength(4);
    hear(udpFrame(inward, flow, Buffer.from('late')));
    expect(replies()).toHaveLength(4);
  });

  test('keeps a bounded number of replies', () => {
    const { subject, hear } = station();
    const replies = subject.watch();
    for (let index = 0; index < 100; index += 1) hear(udpFrame(inward, flow, Buffer.from('x')));
    expect(replies()).toHaveLength(32);
  });

  test('never throws on what it hears', () => {
    const { hear } = station();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0x0800, 0x0806, 0x86dd), (bytes, etherType) => {
        hear(Buffer.from(bytes));
        hear(buildEthernet({ source: gatewayMac, destination: guestMac, etherType, payload: Buffer.from(bytes) }));
      }),
    );
  });

  test('asks nothing once it was told to stop', async () => {
    const { subject, sent } = station();
    expect(await subject.ask('a.example', 1_000, AbortSignal.abort())).toEqual({ reply: undefined, strays: 0 });
    expect(sent).toEqual([]);
  });

  test('counts what it sends by family', () => {
    const { subject } = station();
    const token = newToken();
    const canaries = planCanaries(policy, plan, tunnelAddresses);
    canaries.forEach((canary, index) => {
      subject.send(renderCanary(canary, index, token.mark(index), subject.hop));
    });
    const sixes = canaries.filter(({ kind }) => kind.protocol === 'udp6').length;
    expect(subject.injected).toEqual({ frames: canaries.length, ipv4: canaries.length - sixes, ipv6: sixes });
  });
});

describe('canaries as frames', () => {
  const token = newToken();
  const hop = { sourceMac: guestMac, destinationMac: gatewayMac };
  const rendered = planCanaries(policy, plan, tunnelAddresses).map((canary, index) => ({
    canary,
    frame: renderCanary(canary, index, token.mark(index), hop),
  }));

  test('say what they are, go to the gateway and carry the token', () => {
    for (const { canary, frame } of rendered) {
      const ethernet = parseEthernet(frame);
      const mac = canary.destination === '255.255.255.255' ? BROADCAST_MAC : gatewayMac;
      expect([canary.name, classify(frame).kind, ethernet?.destination]).toEqual([
        canary.name,
        expect.not.stringMatching('garbled'),
        mac,
      ]);
      expect(frame.includes(token.digits)).toBe(canary.kind.protocol !== 'tcp-syn');
      if (canary.kind.protocol === 'udp6') continue;
      expect(parseIpv4(frame.subarray(14))).toMatchObject({ source: canary.source, destination: canary.destination });
    }
  });

  test('over IPv6 have a right checksum, or a kernel would drop them for the wrong reason', () => {
    for (const { canary, frame } of rendered.filter(({ canary }) => canary.kind.protocol === 'udp6')) {
      const packet = frame.subarray(14);
      expect(parseIpv6(packet)).toMatchObject({ payloadLength: packet.length - 40, nextHeader: 17 });
      const sum = transportChecksum(packet.subarray(8, 24), packet.subarray(24, 40), 17, packet.subarray(40));
      expect([canary.name, sum]).toEqual([canary.name, 0]);
    }
  });

  test('in the shape of OpenVPN pass the guard but for the token', () => {
    const source = rendered.find(({ canary }) => canary.kind.protocol === 'wireguard')?.canary;
    if (source === undefined) throw new Error('no canary in the shape of the tunnel');
    const canary = { ...source, kind: { protocol: 'openvpn', port: 1_194 } } as const;
    const payload = renderCanary(canary, 1, '123456789012345678001', hop).subarray(42);
    expect(breaksOpenVpn(payload[0] ?? 0, payload.length)).toBeUndefined();
    expect(payload.includes('123456789012345678001')).toBe(true);
  });

  test('in the shape of WireGuard are multiples of 16 with three zero bytes', () => {
    const frame = rendered.find(({ canary }) => canary.kind.protocol === 'wireguard')?.frame ?? Buffer.alloc(0);
    const payload = frame.subarray(42);
    expect([payload.length % 16, payload.readUInt32LE(0)]).toEqual([0, 4]);
  });
});

describe('addresses in a DNS answer', () => {
  const question = [1, 97, 0, 0, 1, 0, 1];
  const a = (...address: number[]) => [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address];
  const message = (questions: number, answers: number, ...body: number[]) =>
    Buffer.from([0, 1, 0x81, 0x80, 0, questions, 0, answers, 0, 0, 0, 0, ...body]);

  test.each<[string, Buffer, readonly string[]]>([
    ['one', message(1, 1, ...question, ...a(203, 0, 113, 80)), ['203.0.113.80']],
    ['two', message(1, 2, ...question, ...a(192, 0, 2, 1), ...a(192, 0, 2, 2)), ['192.0.2.1', '192.0.2.2']],
    [
      'behind an alias',
      message(1, 2, ...question, 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12, ...a(192, 0, 2, 1)),
      ['192.0.2.1'],
    ],
    ['a name in full', message(0, 1, ...question.slice(0, 3), ...a(192, 0, 2, 1).slice(2)), ['192.0.2.1']],
    ['of another type', message(0, 1, 0, 0, 16, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1), []],
    ['of another class', message(0, 1, 0, 0, 1, 0, 3, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1), []],
    ['of another length', message(0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 3, 192, 0, 2), []],
    ['none', message(1, 0, ...question), []],
    ['cut short', message(1, 1, ...question, ...a(192, 0, 2)), []],
    ['cut in the record', message(1, 1, ...question, 0xc0, 12, 0, 1), []],
    ['cut in the question', message(2, 1, 1, 97), []],
    ['a label too long', message(1, 1, 64), []],
    ['no header', Buffer.alloc(5), []],
  ])('%s', (_, bytes, addresses) => {
    expect(readAddresses(bytes)).toEqual(addresses);
  });

  test('never throws and never hangs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        readAddresses(Buffer.from(bytes));
        readAddresses(message(0xff, 0xff, ...bytes));
      }),
    );
  });
});

describe('bounded work', () => {
  test('is late after its limit and told so', async () => {
    jest.useFakeTimers();
    let told = false;
    const late = expect(
      bounded('dreaming', 50, new AbortController().signal, (signal) => {
        signal.addEventListener('abort', () => {
          told = true;
        });
        return new Promise<never>(() => undefined);
      }),
    ).rejects.toMatchObject({ code: 'VERIFY_LATE', payload: { step: 'dreaming', limitMs: 50 } });
    await jest.advanceTimersByTimeAsync(50);
    await late;
    expect(told).toBe(true);
  });
});

test('a station that never keeps still gives no moment', async () => {
  const gate = new FakeGate();
  const { subject } = station();
  const facts = () => {
    subject.send(buildArpRequest({ mac: guestMac, address: guest }, gateway));
    return gate.control.facts();
  };
  const context = contextOf(gate, { control: { ...gate.control, facts } });
  await expect(takeMoment(context, subject, takeSnapshot)).rejects.toMatchObject({ code: 'VERIFY_PROBE_RESTLESS' });
});
