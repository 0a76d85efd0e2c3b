/** What programs of this machine say to a proxy: bytes of SOCKS and HTTP, and the answers of a resolver. */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { duplexPair } from 'node:stream';
import { afterAll, beforeAll } from '@jest/globals';
import fc from 'fast-check';
import { VmgateError } from '../../src/core/coded.ts';
import { objectionToAddress, readTarget } from '../../src/core/proxy-target.ts';
import { readAuthority } from '../../src/proxy/http-door.ts';
import { type Listener, makeCredential, startProxy } from '../../src/proxy/index.ts';
import { type Reading, readLogin, readMethods, readRequest } from '../../src/proxy/socks5.ts';
import { errors } from '../../src/supervisor/codes.ts';
import { resolveInside } from '../../src/supervisor/names.ts';
import { openPolicy } from '../unit/core/policy/policies.ts';
import { socks } from '../unit/proxy/programs.ts';
import { fuzz, hold, orCodedLater } from './fuzz.ts';
import { chunksOf, mutated } from './mutate.ts';

const LONGEST_MESSAGE = 520;
const credential = { user: 'vmgate', password: makeCredential().password };

const greeting = socks.methods(0, 2);
const login = socks.login(credential.user, credential.password);
const request = socks.connect('www.example.org', 443);
const byAddress = Buffer.from([5, 1, 0, 1, 9, 9, 9, 9, 0, 80]);

fuzz({
  name: 'socks5',
  inputs: mutated([greeting, login, request, byAddress, socks.connect('a'.repeat(255), 1)]),
  around: [greeting, login, request, byAddress],
  judge: (input) => {
    whole(readMethods, input);
    whole(readLogin, input);
    whole(readRequest, input);
  },
});

/** A message ends where it says, and a longer one of the same beginning says the same. */
function whole<T>(read: (bytes: Buffer) => Reading<T>, input: Buffer): void {
  const reading = read(input);
  hold('no message is longer than it may be', reading.kind !== 'more' || input.length < LONGEST_MESSAGE);
  if (reading.kind !== 'read') return;
  const length = input.length - reading.rest.length;
  hold('what comes behind is kept', input.subarray(length).equals(reading.rest));
  const again = read(input.subarray(0, length));
  hold('the rest has no say', again.kind === 'read' && JSON.stringify(again.value) === JSON.stringify(reading.value));
  for (let short = 0; short < length; short += 1)
    hold('half of it is none', read(input.subarray(0, short)).kind === 'more');
}

const CONNECT = 'CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org\r\n';
const basic = (password: string) =>
  `Proxy-Authorization: Basic ${Buffer.from(`${credential.user}:${password}`).toString('base64')}\r\n\r\n`;
const WITHOUT = [
  Buffer.concat([greeting, socks.login('vmgate', 'wrong'), request]),
  Buffer.concat([socks.methods(0), request]),
  Buffer.from(`${CONNECT}\r\n`),
  Buffer.from(`${CONNECT}${basic('wrong')}`),
  Buffer.from(`GET http://x/ HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n${CONNECT}\r\n`),
  Buffer.from(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${CONNECT}\r\n`),
];

const folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-fuzz-'));
let listener: Listener;
let opened = 0;
beforeAll(async () => {
  listener = await startProxy({
    place: { kind: 'socket', path: path.join(folder, 'p.sock') },
    credential,
    open: async ({ host }) => {
      opened += 1;
      throw VmgateError.of(errors.GATE_TARGET_REFUSED, { host, why: 'this is a test' });
    },
    onRefused: () => undefined,
    onStranger: () => undefined,
  });
});
afterAll(() => {
  listener.close();
  rmSync(folder, { recursive: true });
});

fuzz({
  name: 'proxy-programs',
  batch: 50,
  inputs: mutated(WITHOUT, [
    '\r\n',
    '\r\n\r\n',
    'CONNECT ',
    'Proxy-Authorization: Basic ',
    'Content-Length: 0',
    '\x05\x01\x00',
  ]),
  judge: async (input) => {
    const before = opened;
    await conversation(input);
    hold('without the password nothing is opened', opened === before);
    await conversation(Buffer.concat([socks.methods(2), login, request]));
    hold('whatever one program said, the next is served', opened === before + 1);
  },
});

/** Until the proxy is through with somebody who sends `bytes` and then has no more to say. */
function conversation(bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ path: path.join(folder, 'p.sock') });
    socket.on('error', () => undefined).on('close', () => resolve());
    socket.resume();
    for (const chunk of chunksOf(bytes).slice(0, 50)) socket.write(chunk);
    socket.end();
  });
}

fuzz({
  name: 'proxy-targets',
  inputs: fc.oneof(
    mutated(
      ['example.org', '127.0.0.1', '[::1]:443', 'www.example.org:443', '0x7f.1', '2130706433'].map((each) =>
        Buffer.from(each),
      ),
    ),
    fc.ipV4().map((address) => Buffer.from(address)),
  ),
  judge: (input) => {
    const text = input.toString('latin1');
    const authority = readAuthority(text);
    hold('a port is one', authority === undefined || (authority.port >= 1 && authority.port <= 65_535));
    const target = readTarget(authority?.host ?? text);
    if (target.kind === 'name') {
      hold('a name is no address in another form', !/(^|\.)(\d+|0x[\da-f]*)$/i.test(target.name));
      hold('a name is of plain letters', /^[a-z0-9._-]{1,253}$/.test(target.name));
    }
    if (target.kind !== 'address' || objectionToAddress(target.address, openPolicy, []) !== undefined) return;
    const [first = 0, second = 0] = target.address.split('.').map(Number);
    const isInner =
      [0, 10, 127].includes(first) ||
      first >= 224 ||
      (first === 169 && second === 254) ||
      (first === 172 && second >= 16 && second < 32) ||
      (first === 192 && second === 168) ||
      (first === 100 && second >= 64 && second < 128);
    hold('what is let through is nobody’s inside', !isInner);
  },
});

/** An answer of one address to a question with a fixed id cannot be made: the id is drawn. It is put in. */
const ANSWER = Buffer.concat([
  Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]),
  Buffer.from('\x07example\x03org\0', 'latin1'),
  Buffer.from([0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 9, 9, 9, 9]),
]);

fuzz({
  name: 'resolver-answers',
  inputs: mutated([ANSWER]),
  judge: async (input) => {
    const dial = async () => {
      const [near, far] = duplexPair();
      near.on('error', () => undefined);
      far.on('error', () => undefined);
      far.once('data', (asked: Buffer) => {
        const answer = Buffer.from(input);
        asked.copy(answer, 0, 2, 4);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(Math.min(answer.length, 0xffff));
        far.end(Buffer.concat([length, answer]));
      });
      return near;
    };
    const addresses = await orCodedLater(['GATE_NAME_UNKNOWN'], () =>
      resolveInside('example.org', ['10.66.0.1'], dial),
    );
    hold('few', (addresses?.length ?? 0) <= 64);
    for (const address of addresses ?? []) hold('each an address', net.isIPv4(address));
  },
});
