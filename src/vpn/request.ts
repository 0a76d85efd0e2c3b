/**
 * A WireGuard profile whose key is made here and leaves this machine never: `vpn/.requests/NAME` keeps the private key until
 * whoever runs the server has said which address goes with the public one.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { readPrivateFile, writeFileAtomic } from '../home/index.ts';
import { errors } from './codes.ts';
import { keepProfile, requireFreeName, type StoredProfile } from './store.ts';
import { keyDefect, publicKeyOf } from './wireguard/keys.ts';

const REQUESTS = '.requests';
const KEY_CHARACTERS = 44;

/** The server's side, as a team's template tells it. */
export interface RequestedTunnel {
  /** HOST:PORT. */
  readonly endpoint: string;
  /** The server's public key. */
  readonly peer: string;
  readonly allowedIps: readonly string[];
  readonly dns: readonly string[];
  readonly split: boolean;
}

/**
 * The public key of the request called `name`; its private key is made the first time.
 *
 * @throws VPN_NAME_INVALID, VPN_NAME_TAKEN, VPN_STORED_EXPOSED, VPN_STORED_DAMAGED
 */
export async function requestKey(vpnFolder: string, name: string): Promise<string> {
  return publicKeyOf(await privateKeyOf(vpnFolder, name));
}

/**
 * The profile, now that its address is known; the request is over.
 *
 * @param address of this side inside the tunnel: `10.20.0.7/32`
 * @param source what `vpn show` says it came from
 * @param exempt the lab's exception to the address classes
 * @throws what {@link requestKey} does, and everything of a WireGuard profile's plan
 */
export async function completeRequest(
  vpnFolder: string,
  name: string,
  address: string,
  { endpoint, peer, allowedIps, dns, split }: RequestedTunnel,
  source: string,
  exempt?: (address: string) => boolean,
): Promise<StoredProfile> {
  const privateKey = await privateKeyOf(vpnFolder, name);
  const profile = [
    '[Interface]',
    `PrivateKey = ${privateKey}`,
    `Address = ${address}`,
    ...(dns.length === 0 ? [] : [`DNS = ${dns.join(', ')}`]),
    '',
    '[Peer]',
    `PublicKey = ${peer}`,
    `Endpoint = ${endpoint}`,
    `AllowedIPs = ${allowedIps.join(', ')}`,
    '',
  ].join('\n');
  const options = { split, dns: [], kind: 'wireguard' } as const;
  const stored = await keepProfile(vpnFolder, name, Buffer.from(profile), source, options, exempt);
  await rm(fileOf(vpnFolder, name), { force: true });
  return stored;
}

function fileOf(vpnFolder: string, name: string): string {
  return path.join(vpnFolder, REQUESTS, name);
}

async function privateKeyOf(vpnFolder: string, name: string): Promise<string> {
  await requireFreeName(vpnFolder, name);
  const file = fileOf(vpnFolder, name);
  const read = await readPrivateFile(file, KEY_CHARACTERS + 1);
  if (read.state === 'exposed') throw VmgateError.of(errors.VPN_STORED_EXPOSED, { file, mode: read.mode });
  if (read.state === 'missing') {
    const made = newPrivateKey();
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFileAtomic(file, `${made}\n`);
    return made;
  }
  const key = read.state === 'read' ? read.content.toString('latin1').trimEnd() : '';
  if (keyDefect(key) === undefined) return key;
  const cause = read.state === 'unreadable' ? read.cause : undefined;
  const reason = `its key in ${REQUESTS} is not what vmgate wrote`;
  throw VmgateError.of(errors.VPN_STORED_DAMAGED, { name, reason }, { cause });
}

/** 32 random bytes with the bits set that RFC 7748 section 5 fixes, as `wg genkey` writes them. */
function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('x25519');
  const raw = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  raw.writeUInt8(raw.readUInt8(0) & 0xf8, 0);
  raw.writeUInt8((raw.readUInt8(31) & 0x7f) | 0x40, 31);
  return raw.toString('base64');
}
