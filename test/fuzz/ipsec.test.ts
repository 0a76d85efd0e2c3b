import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { planIpsec } from '../../src/vpn/ipsec/plan.ts';
import { corpusOf, fuzz, orCoded } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutated } from './mutate.ts';

const unit = path.join(path.dirname(fileURLToPath(import.meta.url)), '../unit/vpn/ipsec');
const filesIn = (folder: string, format: string) =>
  readdirSync(path.join(unit, folder))
    .filter((file) => file.endsWith(format))
    .sort()
    .map((file) => readFileSync(path.join(unit, folder, file)));
const FILE = 'fuzz.profile';
const NOW = Date.parse('2027-06-01T00:00:00Z');
const PINNED = { address: '198.51.100.4', port: 4_500 };
const OPTIONS = { split: false, dns: [], login: { user: 'alice', password: 'open sesame' } };
/** What opens a section of charon's configuration when it begins a line there. */
const OWN = /^(include local\.conf|[a-z0-9_-]+( = .*| \{)|\}|--- file [a-z0-9./-]+|\s*)$/;

const FORMATS = {
  yaml: ['kind: ikev2\n', 'auth: ', 'psk: ', '&a ', '*a', '!!js/function ', '<<: ', '- ', '{', '}', '[', '|\n', '# '],
  mobileconfig: [
    '<dict>',
    '</dict>',
    '<key>',
    '<array>',
    '<!ENTITY a "b">',
    '&a;',
    '<![CDATA[',
    '<?',
    '<data>',
    '<date>',
  ],
  sswan: ['{', '}', '"', '"type":', '\\u0000', '[', 'null', '1e999', '__proto__', ','],
} as const;

for (const [format, words] of Object.entries(FORMATS)) {
  const samples = [...filesIn('good', format), ...filesIn('broken', format)];
  fuzz({
    name: `ipsec-${format}`,
    inputs: mutated(
      [...samples, ...corpusOf(`ipsec-${format}`).map(({ bytes }) => bytes)],
      [...words, '\n', '"', "'", '\\', '\u2028', '\uFEFF', '127.1', '::1', '-1', '}\n secrets {', 'constructor'],
    ),
    judge: (profile) => {
      const lines = profile.toString('utf8').split(/\r\n|\n|\r/);
      const planned = orCoded(
        ['VPN_'],
        () => planIpsec(profile, FILE, OPTIONS, NOW),
        (fault) => {
          if (['VPN_PROFILE_TOO_LARGE', 'VPN_DNS_OPTION_INVALID'].includes(fault.code)) return;
          const [, line = 0, column = 0] = /^fuzz\.profile:(\d+):(\d+): /.exec(fault.what) ?? [];
          expect(Number(line)).toBeGreaterThan(0);
          expect(Number(line)).toBeLessThanOrEqual(lines.length + 1);
          expect(Number(column)).toBeGreaterThan(0);
        },
      );
      if (planned === undefined) return;
      expect(planned.plan.endpoint.host).toMatch(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);
      expect(planned.plan.routes).toEqual(['0.0.0.0/0']);
      const files = planned.secrets
        .reveal(PINNED, 51_999, 0x766d)
        .replace(/-----BEGIN[^-]*-----[^-]*-----END.*$/gm, '');
      for (const line of files.split('\n')) expect(line.trimStart()).toMatch(OWN);
    },
  });
}

for (const [name, piece, prefix] of [
  ['keys', 'a: b\n', 'kind: ikev2\n'],
  ['lists', '- ', 'routes: '],
  ['brackets', '[', 'kind: ikev2\nroutes: '],
  ['anchors', '&a ', 'psk: '],
  ['dictionaries', '<dict>', '<plist version="1.0">'],
  ['empty dictionaries', '<dict/>', '<plist version="1.0"><array>'],
  ['open tags', '<', '<plist version="1.0">'],
  ['keys of dictionaries', '<key>a</key>', '<plist version="1.0"><dict>'],
  ['objects', '{"a":', ''],
  ['beginnings of certificates', '-----BEGIN CERTIFICATE-----', "kind: ikev2\nauthority: '"],
] as const) {
  growsLinearly(
    `IKEv2 profile of ${name}`,
    65_536,
    (n) => prefix + piece.repeat(Math.floor((n - prefix.length) / piece.length)),
    (profile) => {
      try {
        planIpsec(profile, FILE, OPTIONS, NOW);
      } catch {
        // Which refusal it is, is the other tests' matter.
      }
    },
  );
}
