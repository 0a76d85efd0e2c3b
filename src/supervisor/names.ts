/**
 * Names for the host's connections, asked of the tunnel's own resolver by a connection through the tunnel (DNS over TCP,
 * RFC 7766). The host's resolver never hears of them, and the address that comes back is judged here before anything is
 * dialled: a name that leads to a private address is an attack on whoever is inside (DNS rebinding).
 */
import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { VmgateError } from '../core/coded.ts';
import { buildDnsQuery, DNS_TYPES, parseDns, readAddresses } from '../frame/index.ts';
import { messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

const DNS_PORT = 53;
const ANSWER_MS = 5_000;
/** A handful of addresses and aliases; RFC 1035 would allow 65,535. */
const MAX_ANSWER = 8_192;
const NXDOMAIN = 3;

type Dial = (address: string, port: number) => Promise<Duplex>;

/**
 * The IPv4 addresses of `name`, in the order the first resolver that answers has them.
 *
 * @throws GATE_NAME_UNKNOWN
 */
export async function resolveInside(
  name: string,
  resolvers: readonly string[],
  dial: Dial,
): Promise<readonly string[]> {
  let why = 'the VPN profile names no resolver';
  for (const resolver of resolvers) {
    try {
      const addresses = await ask(name, await dial(resolver, DNS_PORT));
      if (addresses.length > 0) return addresses;
      why = `${resolver} knows no IPv4 address of it`;
      break;
    } catch (cause) {
      why = `${resolver}: ${messageOf(cause)}`;
    }
  }
  throw VmgateError.of(errors.GATE_NAME_UNKNOWN, { name, why });
}

/** A question, and the IPv4 addresses in its answer. @throws Error for an answer to anything else */
export function question(name: string): {
  readonly query: Buffer;
  readonly read: (message: Buffer) => readonly string[];
} {
  const id = randomInt(0x1_0000);
  const read = (message: Buffer) => {
    const answer = parseDns(message);
    if (answer?.response !== true || answer.id !== id || answer.question?.type !== DNS_TYPES.a) {
      throw new Error('it answered something else');
    }
    if (answer.question.name !== name) throw new Error('it answered for another name');
    if (answer.code !== 0 && answer.code !== NXDOMAIN) throw new Error(`it answered with code ${answer.code}`);
    return readAddresses(message);
  };
  return { query: buildDnsQuery(id, name), read };
}

async function ask(name: string, stream: Duplex): Promise<readonly string[]> {
  const { query, read } = question(name);
  return read(await exchange(stream, query, ANSWER_MS));
}

/** Asks by TCP, in one piece, and ends the connection. @throws Error for one without an answer within `limitMs` */
export async function exchange(stream: Duplex, query: Buffer, limitMs: number): Promise<Buffer> {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  stream.write(Buffer.concat([length, query]));
  try {
    return await readMessage(stream, limitMs);
  } finally {
    stream.destroy();
  }
}

/** One message behind its length in two bytes. */
function readMessage(stream: Duplex, limitMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const timer = setTimeout(() => reject(new Error(`no answer in ${limitMs / 1_000} s`)), limitMs);
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      finish();
    };
    stream.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      const length = seen.length < 2 ? 0 : seen.readUInt16BE(0);
      if (length > MAX_ANSWER) settle(() => reject(new Error('an answer without end')));
      else if (seen.length >= 2 + length && seen.length > 2) settle(() => resolve(seen.subarray(2, 2 + length)));
    });
    stream.on('error', (cause) => settle(() => reject(cause)));
    stream.on('close', () => settle(() => reject(new Error('it closed the connection'))));
  });
}
