/**
 * DNS messages, RFC 1035: what vmgate sends, and the answers to it, by dns-packet. Questions in frames of anybody are read
 * here: the library takes their bytes for UTF-8, and what is written down of a hostile name has to be what was sent.
 */
import dnsPacket from 'dns-packet';

export interface DnsMessage {
  readonly id: number;
  readonly response: boolean;
  /** 0 NOERROR, 3 NXDOMAIN, ... */
  readonly code: number;
  /** Lower case, without the final dot; undefined unless there is exactly one well-formed question. */
  readonly question: { readonly name: string; readonly type: number } | undefined;
  readonly answers: number;
}

export const DNS_TYPES = { a: 1, ptr: 12, txt: 16, aaaa: 28 } as const;
const NAMES = new Map<number, 'A' | 'AAAA' | 'PTR' | 'TXT'>([
  [DNS_TYPES.a, 'A'],
  [DNS_TYPES.ptr, 'PTR'],
  [DNS_TYPES.aaaa, 'AAAA'],
  [DNS_TYPES.txt, 'TXT'],
]);

const HEADER = 12;
const MAX_NAME = 253;
const MAX_LABEL = 63;
/** An answer names a handful of addresses; more than this is not read. */
const MAX_RECORDS = 64;
/** RFC 7830: nothing, to fill a message up. */
const PADDING_OPTION = 12;
/** Of an OPT record with one option, RFC 6891: root name, type, class, TTL, length; then the option's own header. */
const OPT_BYTES = 11 + 4;
/** What a resolver may answer at most: the flag day's choice, nobody's answer to these questions. */
const UDP_PAYLOAD = 1_232;

/**
 * A recursive question of class IN. `padTo`: the length in bytes it is filled up to, where it is shorter.
 *
 * @throws RangeError for a name that is not LDH labels of 1..63 bytes, and a type that is not in {@link DNS_TYPES}
 */
export function buildDnsQuery(id: number, name: string, type: number = DNS_TYPES.a, padTo = 0): Buffer {
  if (name.length > MAX_NAME || !name.split('.').every((label) => /^[a-z0-9_-]{1,63}$/i.test(label))) {
    throw new RangeError(`not a name DNS can ask for: ${name}`);
  }
  const asked = NAMES.get(type);
  if (asked === undefined) throw new RangeError(`not a type that vmgate asks for: ${type}`);
  const questions = [{ name, type: asked }];
  const query = { type: 'query', id, flags: dnsPacket.RECURSION_DESIRED, questions } as const;
  const plain = dnsPacket.encode(query);
  const padding = padTo - plain.length - OPT_BYTES;
  if (padding < 0) return plain;
  const options = [{ code: PADDING_OPTION, data: Buffer.alloc(padding) }];
  const opt = { type: 'OPT', name: '.', udpPayloadSize: UDP_PAYLOAD, extendedRcode: 0, ednsVersion: 0 } as const;
  // The declared types want what only other options have.
  const additionals = [{ ...opt, flags: 0, flag_do: false, options }] as unknown as dnsPacket.Answer[];
  return dnsPacket.encode({ ...query, additionals });
}

/** Reads header and question; what follows may be cut off. */
export function parseDns(bytes: Buffer): DnsMessage | undefined {
  if (bytes.length < HEADER) return undefined;
  const flags = bytes.readUInt16BE(2);
  return {
    id: bytes.readUInt16BE(0),
    response: (flags & 0x8000) !== 0,
    code: flags & 0x000f,
    question: bytes.readUInt16BE(4) === 1 ? parseQuestion(bytes) : undefined,
    answers: bytes.readUInt16BE(6),
  };
}

/**
 * The first name of a message cannot be compressed: there is nothing before it to point to. A label with a dot in it is
 * not read: as text it would be another name, perhaps the very one that was asked for.
 */
function parseQuestion(bytes: Buffer): DnsMessage['question'] {
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > MAX_LABEL) return undefined;
    at += 1;
    if (length === 0) break;
    const label = bytes.toString('latin1', at, at + length).toLowerCase();
    at += length;
    if (at > bytes.length || at - HEADER > MAX_NAME + 1 || label.includes('.')) return undefined;
    labels.push(label);
  }
  if (at + 4 > bytes.length) return undefined;
  return { name: labels.join('.'), type: bytes.readUInt16BE(at) };
}

const TEXTS = { A: /^\d+(?:\.\d+){3}$/, AAAA: /^[0-9a-f:.]{2,45}$/ } as const;

/**
 * The addresses in the answer section, of one family, aliases followed by the resolver; empty when the message is garbled.
 */
export function readAddresses(message: Buffer, type: 'A' | 'AAAA' = 'A'): readonly string[] {
  if (message.length < HEADER) return [];
  const within = Buffer.from(message);
  within.writeUInt16BE(Math.min(message.readUInt16BE(6), MAX_RECORDS), 6);
  // Whatever stands behind the answers is not asked for, and need not be well-formed.
  within.fill(0, 8, HEADER);
  try {
    const { answers = [] } = dnsPacket.decode(within);
    const addresses = answers.flatMap((answer) => (answer.type === type && answer.class === 'IN' ? [answer.data] : []));
    // It reads an address beyond the message's end too.
    return addresses.every((address) => TEXTS[type].test(address)) ? addresses : [];
  } catch {
    return [];
  }
}
