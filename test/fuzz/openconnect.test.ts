import { expect } from '@jest/globals';
import { parseOpenConnect } from '../../src/vpn/openconnect/parse.ts';
import { NOW, names, privateKeys, read } from '../unit/vpn/openconnect/samples.ts';
import { corpusOf, fuzz, orCoded } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutated } from './mutate.ts';

const samples = [
  ...names('good').map((name) => read('good', name)),
  ...names('broken').map((name) => read('broken', name)),
  ...privateKeys.map((key) => Buffer.from(`server=https://a.example\n<sslkey>\n${key}</sslkey>\n`)),
];
const keyLines = privateKeys.flatMap((key) => key.match(/[A-Za-z0-9+/]{24,}/g) ?? []);
const TELLTALE = 14;
const FILE = 'fuzz.oc';
const PIN = 'pin-sha256:Vu/m19yDqOaSnr3yKBjbkausQsT5hANO3sAj9QrW6nw=';
const words = [
  ...['server=', 'server=https://', `servercert=${PIN}`, 'cafile=', '<cafile>', '</cafile>', '<sslkey>', '</sslkey>'],
  ...[
    'script=',
    'script-tun',
    'csd-wrapper ',
    'user=',
    'resolve=',
    'route=',
    'no-dtls',
    'protocol=gp',
    'protocol=fortinet',
    'usergroup=portal',
    'constructor',
    '__proto__',
  ],
  ...['<__proto__>', '=', '==', '#', '\n', '\r\n', '\r', '\t', ' ', '\u0000', '\u2028', '\uFEFF', 'é', '💥', '::1'],
  ...['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '-----BEGIN PRIVATE KEY-----', '127.1', '../'],
  ...['99999999999', '-1', '/etc/passwd', 'pkcs11:', '<?xml version="1.0"?>', '<AnyConnectProfile>'],
];
const SCRIPTS = ['script', 'script-tun', 'csd-wrapper', 'csd-user', 'force-trojan', 'external-browser'];

/** Pieces of a secret in what may be printed, logged or sent. */
function pieces(shown: string): readonly string[] {
  return keyLines.flatMap((key) => {
    const places = Array.from({ length: key.length - TELLTALE }, (_, at) => key.slice(at, at + TELLTALE));
    return places.filter((piece) => shown.includes(piece)).slice(0, 1);
  });
}

fuzz({
  name: 'openconnect',
  inputs: mutated([...samples, ...corpusOf('openconnect').map(({ bytes }) => bytes)], words),
  judge: (profile) => {
    const lines = profile.toString('utf8').split(/\r\n|\n|\r/);
    const parsed = orCoded(
      ['VPN_'],
      () => parseOpenConnect(profile, FILE, () => undefined, NOW),
      (fault) => {
        expect(pieces(JSON.stringify(fault.serialize()))).toEqual([]);
        if (fault.code === 'VPN_PROFILE_TOO_LARGE') return;
        const [, line = 0, column = 0] = /^fuzz\.oc:(\d+):(\d+): /.exec(fault.what) ?? [];
        expect(Number(column)).toBeGreaterThan(0);
        expect(Number(column)).toBeLessThanOrEqual((lines[Number(line) - 1]?.length ?? -1) + 1);
      },
    );
    if (parsed === undefined) return;
    const { settings } = parsed;
    expect(settings.host).toMatch(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);
    expect(settings.port).toBeGreaterThan(0);
    expect(settings.pins.length + settings.authorities.length).toBeGreaterThan(0);
    // What goes on into a line of the client's own configuration is one line, and begins with no separator.
    for (const value of [settings.user, settings.authgroup, ...settings.verbatim.map(([, said]) => said)]) {
      if (value !== undefined) expect(value).toMatch(/^[^\p{C}\s=][^\p{C}]*$/u);
    }
    // An independent look: outside every block no line begins with an option that runs programs.
    let block: string | undefined;
    for (const line of lines.map((each) => each.trim().replace(/^\uFEFF/, ''))) {
      if (block !== undefined) {
        if (line === `</${block}>`) block = undefined;
      } else {
        block = /^<([a-z0-9-]+)>$/.exec(line)?.[1];
        expect(SCRIPTS).not.toContain(/^([a-z-]+)(\s|=|$)/.exec(line)?.[1]);
      }
    }
  },
});

for (const [name, unit, prefix] of [
  ['empty blocks', '<cafile>\n</cafile>\n', ''],
  ['open blocks', '<cafile>\n', ''],
  ['pins', `servercert=${PIN}\n`, ''],
  ['routes', 'route=10.0.0.0/8\n', ''],
  ['spaces', ' ', 'user='],
  ['separators', '=', 'user'],
  ['beginnings of certificates', '-----BEGIN CERTIFICATE-----', 'server=a\n<cafile>\n'],
  ['a name', 'a', ''],
  ['a host name', 'a-', 'server='],
  ['a question', 'a ', 'challenge='],
] as const) {
  growsLinearly(
    `OpenConnect profile of ${name}`,
    65_536,
    (n) => prefix + unit.repeat(Math.floor((n - prefix.length) / unit.length)),
    (profile) => {
      try {
        parseOpenConnect(profile, FILE, () => undefined, NOW);
      } catch {
        // Which refusal it is, is the other tests' matter.
      }
    },
  );
}
