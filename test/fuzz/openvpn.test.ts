import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { parseOpenVpn } from '../../src/vpn/openvpn/parse.ts';
import { corpusOf, fuzz, orCoded } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutated } from './mutate.ts';

const unit = path.join(path.dirname(fileURLToPath(import.meta.url)), '../unit/vpn/openvpn');
const filesIn = (folder: string) =>
  readdirSync(path.join(unit, folder))
    .sort()
    .map((file) => readFileSync(path.join(unit, folder, file)));
const samples = [...filesIn('good'), ...filesIn('broken')];
/** Lines of private and static keys: of a certificate any piece may be told. */
const keyLines = filesIn('certs').flatMap((file) =>
  /PRIVATE|Static|tls-crypt-v2/.test(file.toString('latin1'))
    ? (file.toString('latin1').match(/[A-Za-z0-9+/]{24,}/g) ?? [])
    : [],
);
const TELLTALE = 14;
const FILE = 'fuzz.ovpn';
const NOW = Date.parse('2027-06-01T00:00:00Z');
const words = [
  ...['client', 'dev tun', 'remote ', 'proto ', 'port ', 'ca ', '<ca>', '</ca>', '<key>', '</key>', '<connection>'],
  ...['</connection>', 'up ', '--up ', 'plugin ', 'setenv opt ', 'tls-auth ', 'auth-user-pass', 'constructor'],
  ...[
    '__proto__',
    '<__proto__>',
    '"',
    "'",
    '\\',
    '#',
    ';',
    '\n',
    '\r\n',
    '\r',
    '\t',
    ' ',
    '\u0000',
    '\u2028',
    '\uFEFF',
  ],
  ...['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '-----BEGIN PRIVATE KEY-----', 'é', '💥', '::1'],
  ...['127.1', '99999999999', '-1', 'net_gateway', 'route ', '../', '/etc/passwd'],
];
const SCRIPTS = ['up', 'down', 'plugin', 'tls-verify', 'ipchange', 'route-up'];

/** Pieces of a secret in what may be printed, logged or sent. */
function pieces(shown: string): readonly string[] {
  return keyLines.flatMap((key) => {
    const places = Array.from({ length: key.length - TELLTALE }, (_, at) => key.slice(at, at + TELLTALE));
    return places.filter((piece) => shown.includes(piece)).slice(0, 1);
  });
}

fuzz({
  name: 'openvpn',
  inputs: mutated([...samples, ...corpusOf('openvpn').map(({ bytes }) => bytes)], words),
  judge: (profile) => {
    const lines = profile.toString('utf8').split(/\r\n|\n|\r/);
    const read = orCoded(
      ['VPN_'],
      () => parseOpenVpn(profile, FILE, () => undefined, NOW),
      (fault) => {
        expect(pieces(JSON.stringify(fault.serialize()))).toEqual([]);
        if (fault.code === 'VPN_PROFILE_TOO_LARGE') return;
        const [, line = 0, column = 0] = /^fuzz\.ovpn:(\d+):(\d+): /.exec(fault.what) ?? [];
        expect(Number(column)).toBeGreaterThan(0);
        expect(Number(column)).toBeLessThanOrEqual((lines[Number(line) - 1]?.length ?? -1) + 1);
      },
    );
    if (read === undefined) return;
    expect(read.remotes.length).toBeGreaterThan(0);
    for (const { host, port } of read.remotes) {
      expect(host).toMatch(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);
      expect(port).toBeGreaterThan(0);
    }
    // An independent look: outside every block no line begins with an option that runs programs.
    let block: string | undefined;
    for (const line of lines.map((each) => each.trimStart().replace(/^\uFEFF/, ''))) {
      if (block !== undefined) {
        if (line.startsWith(`</${block}>`)) block = undefined;
      } else {
        block = /^<([^\s>]+)>\s*([#;]|$)/.exec(line)?.[1];
        expect(SCRIPTS).not.toContain(/^(?:--)?([a-z-]+)(\s|$)/.exec(line)?.[1]);
      }
    }
  },
});

for (const [name, unit, prefix] of [
  ['empty blocks', '<x>\n</x>\n', ''],
  ['open blocks', '<x>\n', ''],
  ['remotes', 'remote a\n', ''],
  ['connections', '<connection>\nremote a\n</connection>\n', ''],
  ['words', 'a ', 'setenv '],
  ['quotes', '""', ''],
  ['backslashes', '\\', 'setenv '],
  ['spaces', ' ', '<ca>\n-----BEGIN CERTIFICATE-----'],
  ['beginnings of certificates', '-----BEGIN CERTIFICATE-----', '<ca>\n'],
  ['beginnings of static keys', '-----BEGIN OpenVPN Static key V1-----', '<tls-auth>\n'],
  ['a name', 'a', ''],
  ['a host name', 'a-', 'remote '],
] as const) {
  growsLinearly(
    `OpenVPN profile of ${name}`,
    65_536,
    (n) => prefix + unit.repeat(Math.floor((n - prefix.length) / unit.length)),
    (profile) => {
      try {
        parseOpenVpn(profile, FILE, () => undefined, NOW);
      } catch {
        // Which refusal it is, is the other tests' matter.
      }
    },
  );
}
