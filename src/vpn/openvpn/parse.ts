/**
 * From the text of a profile to what vmgate would do with it. Nothing of the text is handed on to the VPN program: what
 * is not in {@link OpenVpnProfile} has no effect.
 */
import type { X509Certificate } from 'node:crypto';
import { type CodedEvent, occur, VmgateError } from '../../core/coded.ts';
import { errors, events } from '../codes.ts';
import type { Companions } from '../kind.ts';
import { at, type Token } from '../positions.ts';
import { checkValues } from './checks.ts';
import { materialOf } from './companions.ts';
import { checkPair, checkWrapKey, type Material, readCertificates, readPrivateKey } from './material.ts';
import { identifyOption } from './options.ts';
import { type Remote, readDefaults, readRemotes } from './remotes.ts';
import { type OpenVpnSettings, settingsOf, WRAPS } from './settings.ts';
import { type Directive, type Document, readBlock, readDirectives } from './syntax.ts';

export interface OpenVpnProfile {
  /** In the order they are tried. */
  readonly remotes: readonly Remote[];
  readonly settings: OpenVpnSettings;
  readonly notices: readonly CodedEvent[];
  /** Position just after the last line, for what is missing altogether. */
  readonly end: Token;
}

/** Those that add up instead of standing once. */
const SEVERAL = ['remote', 'connection', 'route', 'route-ipv6', 'dhcp-option', 'peer-fingerprint', 'extra-certs'];
/** Those a `<block>` may stand for. */
const BLOCKS = ['ca', 'cert', 'key', 'extra-certs', 'tls-auth', 'tls-crypt', 'tls-crypt-v2', 'peer-fingerprint'];
/** In a `<connection>`: where it goes. */
const IN_CONNECTION = ['remote', 'proto', 'port', 'rport'];

/**
 * @param companions files that the profile names, read from beside it
 * @throws VmgateError with a `VPN_*` code; nothing else, whatever the bytes are.
 */
export function parseOpenVpn(
  profile: Uint8Array | string,
  file: string,
  companions: Companions,
  nowMs: number,
): OpenVpnProfile {
  const { directives, end } = readDirectives(profile, file);
  const { read, notices } = sort(directives, file);
  checkOnce(read, file);
  checkValues(read, file);
  const remotes = remotesOf(read, file);
  if (remotes.length === 0) throw VmgateError.of(errors.VPN_OVPN_REMOTE_MISSING, at(file, end));
  const materials = new Map(
    read.flatMap((directive) => {
      const material = BLOCKS.includes(directive.name.text) ? materialOf(directive, file, companions) : undefined;
      return material === undefined ? [] : [[directive.name.text, material] as const];
    }),
  );
  checkServerIdentity(read, materials, end, file, nowMs);
  checkLogin(read, materials, end, file, nowMs);
  checkWraps(read, materials, file);
  return { remotes, settings: settingsOf(read, materials), notices, end };
}

/** The directives that count, `setenv opt` resolved, and what is to be said of the others. */
function sort(directives: readonly Directive[], file: string): { read: Directive[]; notices: CodedEvent[] } {
  const read: Directive[] = [];
  const notices: CodedEvent[] = [];
  for (const directive of directives.map(behindSetenv)) {
    const { name, block } = directive;
    const { option, notice } = identifyOption(name, file);
    if (notice !== undefined) {
      notices.push(occur(events.VPN_OPTION_IGNORED, { ...at(file, name), option: name.text, reason: notice }));
    }
    if (option === undefined) continue;
    if (block !== undefined && option === 'auth-user-pass') {
      throw VmgateError.of(errors.VPN_OVPN_PASSWORD_FILE, at(file, name));
    }
    if (block !== undefined && option !== 'connection' && !BLOCKS.includes(option)) {
      const payload = { ...at(file, name), option, expected: 'in a line of its own: it has no block' };
      throw VmgateError.of(errors.VPN_OVPN_VALUE_INVALID, payload);
    }
    read.push(directive);
  }
  return { read, notices };
}

/** `setenv opt NAME ...` is NAME for who knows it (options.c): no way around the list. */
function behindSetenv(directive: Directive): Directive {
  const [opt, name, ...args] = directive.args;
  if (directive.name.text !== 'setenv' || opt?.text !== 'opt' || name === undefined) return directive;
  return behindSetenv({ name, args, block: undefined });
}

function checkOnce(read: readonly Directive[], file: string): void {
  const seen = new Map<string, Token>();
  for (const { name } of read) {
    const first = seen.get(name.text);
    if (first !== undefined && !SEVERAL.includes(name.text)) {
      const payload = { ...at(file, name), option: name.text, firstLine: first.line };
      throw VmgateError.of(errors.VPN_OVPN_OPTION_REPEATED, payload);
    }
    seen.set(name.text, name);
  }
}

function remotesOf(read: readonly Directive[], file: string): readonly Remote[] {
  const defaults = readDefaults(read, file);
  const inBlocks: Remote[] = [];
  for (const directive of read.filter(({ name }) => name.text === 'connection')) {
    const { read: counted } = sort(readBlock(directive, file), file);
    const stray = counted.find(({ name }) => !IN_CONNECTION.includes(name.text));
    if (stray !== undefined) {
      const payload = { ...at(file, stray.name), option: 'connection', expected: 'remote, proto and port alone' };
      throw VmgateError.of(errors.VPN_OVPN_VALUE_INVALID, payload);
    }
    inBlocks.push(...readRemotes(counted, file, readDefaults(counted, file, defaults), inBlocks.length));
  }
  // With blocks OpenVPN forgets the remotes outside them.
  return inBlocks.length > 0 ? inBlocks : readRemotes(read, file, defaults);
}

type Materials = ReadonlyMap<string, Material>;

function checkServerIdentity(
  read: readonly Directive[],
  materials: Materials,
  end: Document['end'],
  file: string,
  nowMs: number,
): void {
  const ca = materials.get('ca');
  if (ca !== undefined) readCertificates(ca, file, nowMs);
  const pinned = read.some(({ name }) => name.text === 'peer-fingerprint');
  if (ca === undefined && !pinned) throw VmgateError.of(errors.VPN_OVPN_IDENTITY_MISSING, at(file, end));
}

function checkLogin(
  read: readonly Directive[],
  materials: Materials,
  end: Document['end'],
  file: string,
  nowMs: number,
): void {
  const extra = materials.get('extra-certs');
  if (extra !== undefined) readCertificates(extra, file, nowMs);
  const [cert, key] = [materials.get('cert'), materials.get('key')];
  const broken = (has: Material, lacks: string) =>
    VmgateError.of(errors.VPN_OVPN_PAIR_BROKEN, { ...at(file, has.token), has: has.option, lacks });
  if (cert !== undefined && key === undefined) throw broken(cert, 'key');
  if (key !== undefined && cert === undefined) throw broken(key, 'cert');
  const asks = read.some(({ name }) => name.text === 'auth-user-pass');
  if (cert === undefined || key === undefined) {
    if (asks) return;
    throw VmgateError.of(errors.VPN_OVPN_LOGIN_MISSING, at(file, end));
  }
  const [own] = readCertificates(cert, file, nowMs) satisfies readonly X509Certificate[];
  if (own !== undefined) checkPair(own, readPrivateKey(key, file), key, file);
}

function checkWraps(read: readonly Directive[], materials: Materials, file: string): void {
  const [first, second] = read.filter(({ name }) => WRAPS.some((wrap) => wrap === name.text));
  if (first !== undefined && second !== undefined) {
    const payload = { ...at(file, second.name), option: second.name.text, firstLine: first.name.line };
    throw VmgateError.of(errors.VPN_OVPN_WRAPS_SEVERAL, payload);
  }
  const material = first === undefined ? undefined : materials.get(first.name.text);
  if (material !== undefined) checkWrapKey(material, file);
}
