import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileMatcher, type FrameKind, judgeFrame, type UplinkPolicy } from '../../src/core/policy/index.ts';
import {
  BROADCAST_MAC,
  buildArpReply,
  buildArpRequest,
  buildDhcpClient,
  buildDnsQuery,
  DHCP_OPTIONS,
  ipv4Bytes,
  MAX_FRAME,
  macBytes,
  tcpSynFrame,
  udpFrame,
} from '../../src/frame/index.ts';
import { FrameFilter } from '../../src/guard/filter.ts';
import {
  espPacket,
  flow,
  foreignFrame,
  hop,
  ikeMessage,
  message,
  ROUTER_MAC,
  tunnelFrame,
} from '../unit/core/policy/frames.ts';
import { bootPolicy, dhcpPolicy, endpoint, openPolicy, portalPolicy } from '../unit/core/policy/policies.ts';
import { corpusOf, fuzz, hold } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { chunksOf, mutated } from './mutate.ts';
import { type Allowed, objections } from './p4-oracle.ts';

const ours = { mac: openPolicy.uplink.mac, address: '10.0.2.15' };
const router = { mac: ROUTER_MAC, address: '10.0.2.2' };
const dhcpMessage = buildDhcpClient({
  type: 3,
  mac: ours.mac,
  transaction: 9,
  options: [
    { code: DHCP_OPTIONS.requestedAddress, value: ipv4Bytes(ours.address) },
    { code: DHCP_OPTIONS.parameterList, value: Buffer.from([1, 3]) },
    { code: DHCP_OPTIONS.clientIdentifier, value: Buffer.concat([Buffer.from([1]), macBytes(ours.mac)]) },
  ],
});
const dhcpFlow = { source: '0.0.0.0', destination: '255.255.255.255', sourcePort: 68, destinationPort: 67 };
const valid = [
  buildArpRequest(ours, router.address),
  buildArpRequest(ours, ours.address),
  buildArpReply(ours, router),
  ...[148, 92, 64].map((length, index) => udpFrame(hop, flow, message(index + 1, length))),
  tunnelFrame(32),
  tunnelFrame(1_452),
  udpFrame({ ...hop, destinationMac: BROADCAST_MAC }, dhcpFlow, dhcpMessage),
  udpFrame(hop, { ...dhcpFlow, source: ours.address, destination: router.address }, dhcpMessage),
];
/** A session that begins, TLS and data of OpenVPN; foreign where the endpoint speaks WireGuard. */
const openvpn = [
  [0x38, 14],
  [0x20, 200],
  [0x28, 22],
  [0x48, 100],
].map(([first = 0, length = 0]) => udpFrame(hop, flow, message(0, length).fill(first, 0, 1)));
/** IKE_SA_INIT behind its marker, ESP, and a byte that keeps a NAT open. */
const ipsec = [ikeMessage(34, 200), espPacket(120), Buffer.from([0xff])].map((payload) => udpFrame(hop, flow, payload));
/** A ClientHello and data of DTLS. */
const dtls = ['16feff00000000000000000040', '17fefd00010000000000010040'].map((header) =>
  udpFrame(hop, flow, Buffer.concat([Buffer.from(header, 'hex'), Buffer.alloc(64, 0xa5)])),
);
const toPortal = { source: ours.address, destination: '203.0.113.40', sourcePort: 40_002, destinationPort: 443 };
const toResolver = { ...toPortal, destination: '10.0.2.3', destinationPort: 53 };
const portal = [
  tcpSynFrame(hop, toPortal, 7),
  udpFrame(hop, toResolver, buildDnsQuery(9, 'login.hotel.example')),
  udpFrame(hop, toResolver, buildDnsQuery(9, 'exfil.hotel.example')),
];
const hostile = [foreignFrame(), buildArpReply(ours, { ...router, address: '10.0.2.3' })];

const policies: readonly UplinkPolicy[] = [
  openPolicy,
  dhcpPolicy,
  bootPolicy,
  portalPolicy,
  { ...portalPolicy, uplink: dhcpPolicy.uplink },
  { ...dhcpPolicy, tunnel: undefined },
  { ...dhcpPolicy, uplink: { ...dhcpPolicy.uplink, address: undefined } },
  { ...openPolicy, endpoints: [{ ...endpoint, shape: 'openvpn' }] },
  { ...openPolicy, endpoints: [{ ...endpoint, shape: 'ipsec' }] },
  { ...openPolicy, endpoints: [{ ...endpoint, shape: 'openconnect' }] },
  { ...openPolicy, endpoints: [{ ...endpoint, port: 1 }, endpoint, { ...endpoint, protocol: 'tcp', port: 443 }] },
];

function allowedBy({ uplink, endpoints, tunnel, portal: signedInTo }: UplinkPolicy): Allowed {
  const udp = endpoints.filter(({ protocol }) => protocol === 'udp');
  return { ...uplink, endpoints: udp, localPort: tunnel?.localPort, mtu: tunnel?.mtu, portal: signedInTo };
}

const passed: Record<FrameKind, number> = { arp: 0, dhcp: 0, tunnel: 0, portal: 0 };
const judged = policies.map((policy) => ({ policy, matcher: compileMatcher(policy), allowed: allowedBy(policy) }));

fuzz({
  name: 'guard-frame',
  around: valid.filter((_, index) => [0, 2, 3, 6, 8].includes(index)),
  inputs: mutated([
    ...valid,
    ...openvpn,
    ...ipsec,
    ...dtls,
    ...hostile,
    ...portal,
    ...corpusOf('guard-frame').map(({ bytes }) => bytes),
  ]),
  judge: (frame) => {
    for (const { policy, matcher, allowed } of judged) {
      const kind = matcher.match(frame, 0, frame.length);
      const verdict = judgeFrame(policy, frame);
      hold('matcher and reference are one', kind === (verdict.verdict === 'pass' ? verdict.kind : undefined));
      if (kind === undefined) continue;
      passed[kind] += 1;
      const wrong = objections(frame, kind, allowed);
      hold(`P4: ${wrong.join(', ')}`, wrong.length === 0);
    }
  },
});

test('the oracle objects to each rule broken, so that it can object to the guard', () => {
  const allowed = allowedBy(dhcpPolicy);
  const kindOf = (frame: Buffer): FrameKind => compileMatcher(dhcpPolicy).match(frame, 0, frame.length) ?? 'tunnel';
  for (const frame of valid) expect(objections(frame, kindOf(frame), allowed)).toEqual([]);
  for (const frame of hostile) expect(objections(frame, 'tunnel', allowed)).not.toEqual([]);
  // Every byte of the headers is looked at, but the ones that must vary.
  const free: Readonly<Record<Exclude<FrameKind, 'portal'>, readonly [number, number][]>> = {
    arp: [[0, 6]],
    tunnel: [
      [0, 6],
      [15, 16],
      [18, 20],
      [22, 23],
      [24, 26],
      [40, 42],
    ],
    dhcp: [
      [15, 16],
      [18, 20],
      [22, 23],
      [24, 26],
      [40, 42],
      [46, 52],
      [54, 58],
    ],
  };
  const [arp = Buffer.alloc(0), data = Buffer.alloc(0), dhcp = Buffer.alloc(0)] = [valid[0], valid[6], valid[8]];
  for (const [frame, kind, end] of [
    [arp, 'arp', 42],
    [data, 'tunnel', 46],
    [dhcp, 'dhcp', 282],
  ] as const) {
    for (let at = 0; at < end; at += 1) {
      if (free[kind].some(([from, to]) => at >= from && at < to)) continue;
      const broken = Buffer.from(frame);
      broken[at] = (broken[at] ?? 0) ^ 0x10;
      expect([at, objections(broken, kind, allowed)]).not.toEqual([at, []]);
    }
  }
});

/** A stream as QEMU frames it: mostly whole frames, some garbled, now and then a length that lies. */
const stream = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...valid).map(framed) },
      { weight: 1, arbitrary: mutated([...valid, ...hostile]).map(framed) },
      { weight: 1, arbitrary: mutated(valid.map(framed)) },
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

fuzz({
  name: 'guard-stream',
  inputs: stream,
  judge: (input) => {
    const matcher = compileMatcher(dhcpPolicy);
    // Armed or not, room in the outlet or not: by the bytes, so that a kept input brings its own weather.
    const weather = input.length % 5;
    const released: Buffer[] = [];
    const kept: Buffer[] = [];
    let violations = 0;
    let violated = false;
    const filter = new FrameFilter(matcher, {
      mayPass: () => weather !== 0,
      outlet: {
        write: (run) => {
          if (weather === 1 && released.length === 1) return false;
          released.push(Buffer.from(run));
          return true;
        },
      },
      keepPortal: () => undefined,
      keepEvidence: (frame) => {
        violated = true;
        kept.push(Buffer.from(frame));
        return true;
      },
      report: ({ frame }) => {
        violations += 1;
        expect(frame.length).toBeLessThanOrEqual(256);
      },
    });
    let rest: Buffer = Buffer.alloc(0);
    for (const chunk of chunksOf(input)) {
      const [outBefore, violatedBefore] = [released.length, violated];
      const buffer = Buffer.concat([rest, chunk]);
      const taken = filter.take(buffer, buffer.length);
      if (violatedBefore) expect(released.length).toBe(outBefore);
      if (taken < 0) break;
      rest = buffer.subarray(taken);
      expect(rest.length).toBeLessThan(4 + MAX_FRAME);
    }
    const out = unframed(Buffer.concat(released));
    for (const frame of out) {
      const kind = matcher.match(frame, 0, frame.length);
      expect(kind === undefined ? ['passed'] : objections(frame, kind, allowedBy(dhcpPolicy))).toEqual([]);
    }
    if (weather === 0) expect(out).toEqual([]);
    const { passed: kinds, held, foreign, overrun } = filter.counts();
    const frames = Object.values(kinds).reduce((sum, { frames: count }) => sum + count, 0);
    expect([frames, foreign]).toEqual([out.length, kept.length]);
    expect(filter.violated).toBe(foreign > 0);
    expect(violations).toBe(Math.min(8, foreign));
    // Every whole frame is accounted for once.
    expect(frames + held + foreign + overrun).toBe(wholeFrames(input));
  },
});

/** As QEMU's framing has it, up to a length that no frame has. */
function wholeFrames(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 4 <= bytes.length; count += 1) {
    const length = bytes.readUInt32BE(at);
    at += 4 + length;
    if (length > MAX_FRAME || at > bytes.length) break;
  }
  return count;
}

function framed(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

function unframed(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    expect(end).toBeLessThanOrEqual(bytes.length);
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return frames;
}

const filter = new FrameFilter(compileMatcher(openPolicy), {
  mayPass: () => true,
  outlet: { write: () => true },
  keepPortal: () => undefined,
  keepEvidence: () => true,
  report: () => {},
});
filter.watchFor(Array.from({ length: 64 }, (_, index) => index.toString(16).padStart(16, '0')));
growsLinearly(
  'foreign frames',
  20_000,
  (n) => Buffer.alloc(n * 64, framed(Buffer.alloc(60))),
  (bytes) => filter.take(bytes, bytes.length),
);
growsLinearly(
  'DHCP of padding',
  60_000,
  (n) => udpFrame(hop, dhcpFlow, Buffer.concat([dhcpMessage.subarray(0, 240), Buffer.alloc(n)])),
  (frame) => judgeFrame(dhcpPolicy, frame),
);

afterAll(() => {
  // A fuzz whose frames are all foreign would prove nothing.
  expect(Math.min(...Object.values(passed))).toBeGreaterThan(0);
});
