/** DNS messages, as little as the probe needs: one question out, its answer recognised. RFC 1035. */

export interface DnsMessage {
  readonly id: number;
  readonly response: boolean;
  /** 0 NOERROR, 3 NXDOMAIN, ... */
  readonly code: number;
  /** Lower case, without the final dot; undefined unless there is exactly one well-formed question. */
  readonly question: { readonly name: string; readonly type: number } | undefined;
  readonly answers: number;
}

export const DNS_TYPES = { a: 1, aaaa: 28, txt: 16 } as const;

const HEADER = 12;
const MAX_NAME = 253;
const MAX_LABEL = 63;

/** A recursive question of class IN. @throws RangeError for a name that is not LDH labels of 1..63 bytes. */
export function buildDnsQuery(id: number, name: string, type: number = DNS_TYPES.a): Buffer {
  const labels = name.split('.');
  if (name.length > MAX_NAME || !labels.every((label) => /^[a-z0-9_-]{1,63}$/i.test(label))) {
    throw new RangeError(`not a name DNS can ask for: ${name}`);
  }
  const header = Buffer.alloc(HEADER);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  const encoded = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([header, ...encoded, Buffer.from([0, type >>> 8, type & 0xff, 0, 1])]);
}

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
