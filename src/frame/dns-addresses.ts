/** The IPv4 addresses in a DNS answer, aliases followed by the resolver: RFC 1035, section 4.1. */
import { ipv4Text } from './address.ts';
import { DNS_TYPES } from './dns.ts';

const HEADER = 12;
const CLASS_IN = 1;
/** An answer names a handful of addresses; more than this is not read. */
const MAX_RECORDS = 64;

/** All A records of the answer section; empty when the message is garbled. */
export function readAddresses(message: Buffer): readonly string[] {
  if (message.length < HEADER) return [];
  let at: number | undefined = HEADER;
  for (let left = message.readUInt16BE(4); left > 0; left -= 1) {
    at = at === undefined ? undefined : afterName(message, at);
    if (at === undefined || left > MAX_RECORDS) return [];
    at += 4;
  }
  const addresses: string[] = [];
  for (let left = Math.min(message.readUInt16BE(6), MAX_RECORDS); left > 0; left -= 1) {
    const record: number | undefined = at === undefined ? undefined : afterName(message, at);
    if (record === undefined || record + 10 > message.length) return [];
    const length: number = message.readUInt16BE(record + 8);
    const data: number = record + 10;
    if (data + length > message.length) return [];
    const isAddress = message.readUInt16BE(record) === DNS_TYPES.a && message.readUInt16BE(record + 2) === CLASS_IN;
    if (isAddress && length === 4) addresses.push(ipv4Text(message, data));
    at = data + length;
  }
  return addresses;
}

/** Where the name at `at` ends. A pointer ends it; it is not followed, so that no loop can be built. */
function afterName(message: Buffer, start: number): number | undefined {
  let at = start;
  for (;;) {
    const length = message[at];
    if (length === undefined) return undefined;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return undefined;
    at += 1 + length;
    if (length === 0) return at;
  }
}
