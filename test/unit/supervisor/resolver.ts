/** A resolver at the far end of a connection: DNS over TCP, honest or not. */
import type { Duplex } from 'node:stream';
import { ipv4Bytes } from '../../../src/frame/index.ts';

export type Names = ReadonlyMap<string, readonly string[]>;
export type ResolverFault = 'wrong id' | 'wrong name' | 'garbage' | 'silent' | 'endless' | 'hangs up';

const HEADER = 12;

export function playResolver(stream: Duplex, names: Names, fault?: ResolverFault): void {
  stream.on('error', () => undefined);
  stream.once('data', (asked: Buffer) => {
    const query = asked.subarray(2);
    const name = nameIn(query);
    const addresses = names.get(name);
    const answer = message(query, addresses);
    switch (fault) {
      case 'silent':
        return;
      case 'hangs up':
        stream.destroy();
        return;
      case 'garbage':
        stream.write(Buffer.concat([Buffer.from([0, 4]), Buffer.from('oops')]));
        return;
      case 'endless':
        stream.write(Buffer.alloc(60_000, 0xff));
        return;
      case 'wrong id':
        answer.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0);
        break;
      case 'wrong name':
        answer[HEADER + 1] = 0x78;
        break;
      case undefined:
        break;
    }
    const length = Buffer.alloc(2);
    length.writeUInt16BE(answer.length);
    // In pieces, as TCP may.
    for (const piece of [length, answer.subarray(0, 5), answer.subarray(5)]) stream.write(piece);
  });
}

/** One message of UDP, as the network's own resolver answers. */
export function answerTo(query: Buffer, names: Names): Buffer {
  return message(query, names.get(nameIn(query)));
}

function nameIn(query: Buffer): string {
  const labels: string[] = [];
  for (let at = HEADER; (query[at] ?? 0) > 0; at += 1 + (query[at] ?? 0)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)));
  }
  return labels.join('.');
}

/** `addresses` undefined: NXDOMAIN. */
function message(query: Buffer, addresses: readonly string[] | undefined): Buffer {
  const header = Buffer.from(query.subarray(0, HEADER));
  header.writeUInt16BE(addresses === undefined ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(addresses?.length ?? 0, 6);
  const records = (addresses ?? []).map((address) =>
    Buffer.concat([Buffer.from([0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]), ipv4Bytes(address)]),
  );
  return Buffer.concat([header, query.subarray(HEADER), ...records]);
}
