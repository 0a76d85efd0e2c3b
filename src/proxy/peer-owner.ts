/**
 * Whose program is at the other end of a loopback connection. The kernel lists each socket with the user who made it:
 * proc(5), /proc/net/tcp; `uid` is the eighth column. A connection of an IPv6 socket to an IPv4 address is in the other
 * table, in mapped form.
 */
import { readFile } from 'node:fs/promises';

export interface LoopbackPair {
  /** The program's port. */
  readonly client: number;
  /** The port that it connected to. */
  readonly server: number;
}

/** 127.0.0.1 as a little-endian machine prints it; both kinds of machine vmgate runs on are. */
const LOOPBACK = '0100007F';
const TABLES = [
  { file: '/proc/net/tcp', address: LOOPBACK },
  { file: '/proc/net/tcp6', address: `0000000000000000FFFF0000${LOOPBACK}` },
] as const;

/** Only Linux tells. */
export const canTellOwners: boolean = process.platform === 'linux';

/** The user id of the program at the client's end; undefined when no table lists the connection (any more). */
export async function ownerOf(pair: LoopbackPair): Promise<number | undefined> {
  for (const { file, address } of TABLES) {
    const owner = ownerIn(await readFile(file, 'latin1').catch(() => ''), address, pair);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** Exported for its test. */
export function ownerIn(table: string, address: string, { client, server }: LoopbackPair): number | undefined {
  const place = (port: number) => `${address}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const ends = ` ${place(client)} ${place(server)} `;
  const line = table.split('\n').find((each) => each.includes(ends));
  const uid = line?.trim().split(/\s+/)[7];
  return uid !== undefined && /^\d+$/.test(uid) ? Number(uid) : undefined;
}
