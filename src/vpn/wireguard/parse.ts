/**
 * Reads a wg-quick profile: every setting known, checked and with its position. What the profile as a whole must have
 * is judged in `plan.ts`.
 */
import { type CodedEvent, occur, VmgateError } from '../../core/coded.ts';
import { errors, events } from '../codes.ts';
import { at, type Token } from '../positions.ts';
import {
  isHostName,
  type ParsedEndpoint,
  type Prefix,
  parseCount,
  parseCountOrOff,
  parseEndpoint,
  parseHostPrefix,
  parsePrefix,
} from '../values.ts';
import { isClamped, keyDefect, mayHoldKey } from './keys.ts';
import { identifySetting, listLimit, type Setting } from './settings.ts';
import { type Entry, readSections, type Section, splitList } from './syntax.ts';

export interface Placed<T> {
  readonly value: T;
  readonly token: Token;
}

interface InterfaceSection {
  readonly header: Token;
  readonly privateKey: Placed<string>;
  readonly addresses: readonly Placed<Prefix>[];
  readonly resolvers: readonly Placed<Prefix>[];
  readonly searchDomains: readonly string[];
  readonly mtu: number | undefined;
}

export interface PeerSection {
  readonly header: Token;
  readonly publicKey: Placed<string>;
  readonly presharedKey: Placed<string> | undefined;
  readonly allowedIps: readonly Placed<Prefix>[];
  readonly endpoint: Placed<Exclude<ParsedEndpoint, { kind: 'ipv6' }>> | undefined;
  /** Seconds; 0 is off. */
  readonly keepalive: number;
}

export interface Profile {
  readonly file: string;
  readonly interface: InterfaceSection;
  readonly peers: readonly PeerSection[];
  /** Accepted but without effect. */
  readonly notices: readonly CodedEvent[];
}

const MAX_PEERS = 16;
/**
 * RFC 791's smallest datagram every host must take; what 60 bytes of IPv4, UDP and WireGuard leave of Ethernet's 1500.
 * Larger packets would leave in fragments, which the guard takes for an attack.
 */
const MTU = { low: 576, high: 1_440 };

/**
 * Parses a profile; `file` is the name errors say (its base name is enough). Linear in its size, which is bounded.
 *
 * @throws VmgateError with a `VPN_*` code and a position for everything that is not a clean profile; nothing else.
 */
export function parseProfile(profile: Uint8Array | string, file: string): Profile {
  const { sections, end } = readSections(profile, file);
  const readers = sections.map((section) => new SectionReader(section, file));
  const [own, second] = readers.filter(({ section }) => section.name === '[Interface]');
  const peers = readers.filter(({ section }) => section.name === '[Peer]');
  if (own === undefined) throw VmgateError.of(errors.VPN_SECTION_MISSING, { ...at(file, end), section: '[Interface]' });
  if (second !== undefined) {
    const firstLine = own.section.header.line;
    throw VmgateError.of(errors.VPN_SECTION_REPEATED, { ...second.at(second.section.header), firstLine });
  }
  if (peers.length === 0) throw VmgateError.of(errors.VPN_SECTION_MISSING, { ...at(file, end), section: '[Peer]' });
  const excess = peers[MAX_PEERS];
  if (excess !== undefined) {
    const payload = { ...excess.at(excess.section.header), peers: peers.length, limit: MAX_PEERS };
    throw VmgateError.of(errors.VPN_PEERS_TOO_MANY, payload);
  }
  const parsed = { file, interface: readInterface(own), peers: peers.map(readPeer) };
  return { ...parsed, notices: readers.flatMap(({ notices }) => notices) };
}

function readInterface(reader: SectionReader): InterfaceSection {
  const privateKey = reader.required('PrivateKey', (token) => reader.key('PrivateKey', token));
  if (!isClamped(privateKey.value)) reader.note(occur(events.VPN_PRIVATE_KEY_UNUSUAL, reader.at(privateKey.token)));
  const dns = reader.list('DNS');
  reader.ignored('ListenPort', 'the gateway chooses its own port', (text) => parseCount(text, 0, 65_535));
  reader.ignored('FwMark', 'the gateway uses its own mark', parseMark);
  const resolvers = dns.filter(({ text }) => parsePrefix(text) !== undefined && !text.includes('/'));
  const domains = dns.filter((token) => !resolvers.includes(token));
  return {
    header: reader.section.header,
    privateKey,
    addresses: reader.list('Address').map((token) => reader.host('Address', token)),
    resolvers: resolvers.map((token) => reader.host('DNS', token)),
    searchDomains: domains.map((token) =>
      reader.value('DNS', token, 'an address or a search domain', (text) =>
        isHostName(text) ? text.toLowerCase() : undefined,
      ),
    ),
    mtu: reader.optional('MTU', (token) =>
      reader.value('MTU', token, `a number from ${MTU.low} to ${MTU.high}`, (text) =>
        parseCount(text, MTU.low, MTU.high),
      ),
    )?.value,
  };
}

function readPeer(reader: SectionReader): PeerSection {
  const endpoint = reader.optional('Endpoint', (token) =>
    reader.value('Endpoint', token, 'HOST:PORT: a name or IPv4 address, and a port from 1 to 65535', parseEndpoint),
  );
  if (endpoint?.value.kind === 'ipv6') {
    throw VmgateError.of(errors.VPN_ENDPOINT_IPV6, {
      ...reader.at(endpoint.token),
      endpoint: quotable(endpoint.token),
    });
  }
  return {
    header: reader.section.header,
    publicKey: reader.required('PublicKey', (token) => reader.key('PublicKey', token)),
    presharedKey: reader.optional('PresharedKey', (token) => reader.key('PresharedKey', token)),
    allowedIps: reader.list('AllowedIPs').map((token) => ({
      value: reader.value('AllowedIPs', token, 'a prefix like 10.0.0.0/8 or ::/0', parsePrefix),
      token,
    })),
    endpoint: endpoint as PeerSection['endpoint'],
    keepalive:
      reader.optional('PersistentKeepalive', (token) =>
        reader.value('PersistentKeepalive', token, 'a number of seconds from 0 to 65535, or off', (text) =>
          parseCountOrOff(text, 65_535),
        ),
      )?.value ?? 0,
  };
}

function parseMark(text: string): number | undefined {
  return /^0x[0-9a-f]{1,8}$/i.test(text) ? Number(text) : parseCountOrOff(text, 0xffff_ffff);
}

/** The entries of one section by setting, and how to complain about them. */
class SectionReader {
  readonly section: Section;
  readonly notices: CodedEvent[] = [];
  readonly #file: string;
  readonly #entries = new Map<Setting, Entry[]>();

  constructor(section: Section, file: string) {
    this.section = section;
    this.#file = file;
    for (const entry of section.entries) {
      const setting = identifySetting(entry.key, section.name, file);
      const earlier = this.#entries.get(setting);
      if (earlier === undefined) this.#entries.set(setting, [entry]);
      else if (listLimit(setting) !== undefined) earlier.push(entry);
      else {
        const firstLine = earlier[0]?.key.line ?? 0;
        throw VmgateError.of(errors.VPN_KEY_REPEATED, { ...this.at(entry.key), key: setting, firstLine });
      }
    }
  }

  at(token: Token) {
    return at(this.#file, token);
  }

  note(notice: CodedEvent): void {
    this.notices.push(notice);
  }

  optional<T>(setting: Setting, read: (token: Token) => T): Placed<T> | undefined {
    const token = this.#entries.get(setting)?.[0]?.value;
    return token === undefined ? undefined : { value: read(token), token };
  }

  required<T>(setting: Setting, read: (token: Token) => T): Placed<T> {
    const placed = this.optional(setting, read);
    if (placed !== undefined) return placed;
    const payload = { ...this.at(this.section.header), key: setting, section: this.section.name };
    throw VmgateError.of(errors.VPN_KEY_MISSING, payload);
  }

  ignored(setting: Setting, reason: string, read: (text: string) => unknown): void {
    const entry = this.optional(setting, (token) => this.value(setting, token, 'a number in range', read));
    if (entry === undefined) return;
    this.note(occur(events.VPN_SETTING_IGNORED, { ...this.at(entry.token), key: setting, reason }));
  }

  list(setting: Setting): readonly Token[] {
    const entries = (this.#entries.get(setting) ?? []).flatMap(({ value }) => splitList(value));
    const limit = listLimit(setting) ?? 1;
    const excess = entries[limit];
    if (excess === undefined) return entries;
    const payload = { ...this.at(excess), key: setting, count: entries.length, limit };
    throw VmgateError.of(errors.VPN_LIST_TOO_LONG, payload);
  }

  host(setting: Setting, token: Token): Placed<Prefix> {
    const expected = "a machine's address like 10.0.0.2/24 or fd00::2/64";
    return { value: this.value(setting, token, expected, parseHostPrefix), token };
  }

  /** For public values only: one that does not parse is quoted. */
  value<T>(setting: Setting, token: Token, expected: string, read: (text: string) => T | undefined): T {
    const value = read(token.text);
    if (value !== undefined) return value;
    const payload = { ...this.at(token), key: setting, value: quotable(token), expected };
    throw VmgateError.of(errors.VPN_VALUE_INVALID, payload);
  }

  key(setting: Setting, token: Token): string {
    const reason = keyDefect(token.text);
    if (reason === undefined) return token.text;
    throw VmgateError.of(errors.VPN_CRYPTO_KEY_INVALID, { ...this.at(token), key: setting, reason });
  }
}

/** What an error may say of a public value: nothing where a key may have got there by mistake. */
function quotable({ text }: Token): string {
  return mayHoldKey(text) ? '(looks like a key)' : text.slice(0, 80);
}
