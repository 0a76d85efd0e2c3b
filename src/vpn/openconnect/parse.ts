/**
 * From the text of a profile to what vmgate would do with it. Nothing of the text is handed on to the VPN program: what is
 * not in {@link OpenConnectSettings} has no effect.
 */
import { type CodedEvent, occur, VmgateError } from '../../core/coded.ts';
import { errors, events } from '../codes.ts';
import type { Companions } from '../kind.ts';
import { at, type Token } from '../positions.ts';
import { networkOf, parsePrefix } from '../values.ts';
import { checkValue, readGroup, readProtocol, readResolve, readServer } from './checks.ts';
import { type Material, materialOf, readCertificates, readPrivateKey } from './material.ts';
import { identifyOption, type Option } from './options.ts';
import type { Protocol } from './protocols.ts';
import { type Document, readSettings, type Setting } from './syntax.ts';

/** Values and whole PEM blocks, never lines of the profile's text. */
export interface OpenConnectSettings {
  readonly protocol: Protocol;
  /** What the server must prove to be, unless it is pinned. */
  readonly host: string;
  readonly port: number;
  /** Its address, where the profile says that too. */
  readonly address: string | undefined;
  /** A group in the server's address; empty for none. */
  readonly group: string;
  /** `pin-sha256:` values: with any, they alone prove the server. */
  readonly pins: readonly string[];
  /** PEM. */
  readonly authorities: readonly string[];
  readonly client:
    | { readonly certificates: readonly string[] /** PKCS #8 PEM: secret. */; readonly key: string }
    | undefined;
  readonly user: string | undefined;
  readonly authgroup: string | undefined;
  readonly dtls: boolean;
  readonly mtu: number | undefined;
  /** Options that go on as they are: name, and value if it has one. */
  readonly verbatim: readonly (readonly [name: string, value: string | undefined])[];
  readonly challenge: string | undefined;
  /** CIDR. */
  readonly routes: readonly string[];
  /** Those of IPv6. */
  readonly routes6: readonly string[];
  /** Whether the server is asked for any. */
  readonly ipv6: boolean;
}

export interface OpenConnectProfile {
  readonly settings: OpenConnectSettings;
  readonly notices: readonly CodedEvent[];
  readonly end: Token;
}

/** Those that add up instead of standing once. */
const SEVERAL: readonly Option[] = ['servercert', 'route'];
const BLOCKS: readonly Option[] = ['cafile', 'certificate', 'sslkey'];
const VERBATIM: readonly Option[] = ['useragent', 'os', 'version-string', 'no-xmlpost', 'no-http-keepalive', 'pfs'];

/**
 * @param companions files that the profile names, read from beside it
 * @throws VmgateError with a `VPN_*` code; nothing else, whatever the bytes are.
 */
export function parseOpenConnect(
  profile: Uint8Array | string,
  file: string,
  companions: Companions,
  nowMs: number,
): OpenConnectProfile {
  const { settings, end } = readSettings(profile, file);
  const { read, notices } = sort(settings, file);
  checkOnce(read, file);
  const first = (option: Option) => read.find(({ name }) => name.text === option);
  const value = (option: Option) => first(option)?.value;
  const every = (option: Option) =>
    read.flatMap(({ name, value: said }) => (name.text === option && said !== undefined ? [said.text] : []));
  const protocol = readProtocol(value('protocol'), file);
  const written = value('server');
  if (written === undefined) throw VmgateError.of(errors.VPN_OC_SERVER_MISSING, at(file, end));
  const server = readServer(written, file);
  const networks = [
    ...new Set(
      every('route')
        .flatMap((text) => parsePrefix(text) ?? [])
        .map(networkOf),
    ),
  ];
  const resolve = value('resolve');
  const material = (option: Option) => {
    const setting = first(option);
    return setting === undefined ? undefined : materialOf(setting, file, companions);
  };
  const [pins, ca] = [every('servercert'), material('cafile')];
  if (pins.length === 0 && ca === undefined) throw VmgateError.of(errors.VPN_OC_IDENTITY_MISSING, at(file, end));
  const authorities = ca === undefined ? [] : readCertificates(ca, file, nowMs);
  if (ca !== undefined && pins.length > 0) notices.push(ignored('cafile', ca.token, PIN_DECIDES, file));
  const mtu = value('mtu')?.text;
  return {
    settings: {
      ...server,
      protocol,
      group: readGroup(protocol, { group: server.group, token: written }, value('usergroup'), file),
      address: resolve === undefined ? undefined : readResolve(resolve, server.host, file),
      pins: [...new Set(pins)],
      authorities: pins.length > 0 ? [] : authorities.map(String),
      client: clientOf(material('certificate'), material('sslkey'), file, nowMs),
      user: value('user')?.text,
      authgroup: value('authgroup')?.text,
      dtls: protocol.datagrams && first('no-dtls') === undefined,
      mtu: mtu === undefined ? undefined : Number(mtu),
      verbatim: read.flatMap(({ name, value: said }) =>
        VERBATIM.some((option) => option === name.text) ? [[name.text, said?.text] as const] : [],
      ),
      challenge: value('challenge')?.text,
      routes: networks.filter((network) => !network.includes(':')),
      routes6: networks.filter((network) => network.includes(':')),
      ipv6: protocol.ipv6 && first('disable-ipv6') === undefined,
    },
    notices,
    end,
  };
}

const PIN_DECIDES = 'the pin alone proves the server: openconnect takes either, and an authority vouches for many';

/** The settings that count, and what is to be said of the others. */
function sort(settings: Document['settings'], file: string): { read: Setting[]; notices: CodedEvent[] } {
  const read: Setting[] = [];
  const notices: CodedEvent[] = [];
  for (const setting of settings) {
    const { name, block } = setting;
    const { option, notice } = identifyOption(name, file);
    if (notice !== undefined) notices.push(ignored(name.text, name, notice, file));
    if (option === undefined) continue;
    if (block !== undefined && !BLOCKS.includes(option)) {
      const payload = { ...at(file, name), option, expected: 'in a line of its own: it has no block' };
      throw VmgateError.of(errors.VPN_OC_VALUE_INVALID, payload);
    }
    checkValue(setting, option, file);
    read.push(setting);
  }
  return { read, notices };
}

function ignored(option: string, token: Token, reason: string, file: string): CodedEvent {
  return occur(events.VPN_OC_IGNORED, { ...at(file, token), option, reason });
}

function checkOnce(read: readonly Setting[], file: string): void {
  const seen = new Map<string, Token>();
  for (const { name } of read) {
    const first = seen.get(name.text);
    if (first !== undefined && !SEVERAL.some((option) => option === name.text)) {
      const payload = { ...at(file, name), option: name.text, firstLine: first.line };
      throw VmgateError.of(errors.VPN_OC_OPTION_REPEATED, payload);
    }
    seen.set(name.text, name);
  }
}

function clientOf(
  certificate: Material | undefined,
  key: Material | undefined,
  file: string,
  nowMs: number,
): OpenConnectSettings['client'] {
  if (certificate === undefined && key === undefined) return undefined;
  const broken = (has: Material, lacks: string) =>
    VmgateError.of(errors.VPN_OC_PAIR_BROKEN, { ...at(file, has.token), has: has.option, lacks });
  if (certificate === undefined) {
    if (key === undefined) return undefined;
    throw broken(key, 'certificate');
  }
  const certificates = readCertificates(certificate, file, nowMs);
  if (key === undefined) throw broken(certificate, 'sslkey');
  const [own] = certificates;
  if (own === undefined) return undefined;
  return { certificates: certificates.map(String), key: readPrivateKey(key, own, file) };
}
