import { readdirSync, readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { expect } from '@jest/globals';
import { Address6 } from 'ip-address';
import { renderTunnelSettings } from '../../src/gateway/tunnel-settings.ts';
import { planWireGuard } from '../../src/vpn/wireguard/plan.ts';
import { corpusOf, fuzz, orCoded } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutated } from './mutate.ts';

const unit = path.join(path.dirname(fileURLToPath(import.meta.url)), '../unit/vpn');
const filesIn = (folder: string) =>
  readdirSync(path.join(unit, folder))
    .sort()
    .map((file) => readFileSync(path.join(unit, folder, file)));
const PRIVATE = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=';
const samples = [...filesIn('profiles'), ...filesIn('corpus')];
/** Every key that is somewhere secret in the samples: private and preshared ones. */
const secrets = [
  ...new Set(
    samples.flatMap((sample) =>
      [...sample.toString('latin1').matchAll(/(?:Private|Preshared)Key\s*=\s*(\S{30,})/gi)].map(([, key = '']) => key),
    ),
  ),
];
/** Characters of a key in a row: two thirds of it stay unknown, and no word of a message is like it by accident. */
const TELLTALE = 14;
const words = [
  ...[
    '[Interface]',
    '[Peer]',
    '[',
    ']',
    'PrivateKey',
    'PublicKey',
    'PresharedKey',
    'AllowedIPs',
    'Address',
    'DNS',
    'Endpoint',
  ],
  ...[
    'MTU',
    'ListenPort',
    'FwMark',
    'PersistentKeepalive',
    'PostUp',
    'Table',
    'constructor',
    '__proto__',
    ' = ',
    '=',
    '\n',
    '\r\n',
  ],
  ...[
    '\r',
    '#',
    ',',
    ' ',
    '\t',
    '/',
    ':',
    '\uFEFF',
    '\u0000',
    '\u2028',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.2/24',
    'vpn.example:1',
  ],
  ...['[::1]:5', '99999999999', 'é', '💥', 'off', '0x', '-1', PRIVATE, PRIVATE.slice(0, 20), PRIVATE.slice(20)],
];
const FILE = 'fuzz.conf';

/** Pieces of a secret in what may be printed, logged or sent. A public key is told in full and is none. */
function pieces(shown: string): readonly string[] {
  return secrets.flatMap((key) => {
    const places = Array.from({ length: key.length - TELLTALE }, (_, at) => key.slice(at, at + TELLTALE));
    return places.filter((piece) => shown.includes(piece)).slice(0, 1);
  });
}

fuzz({
  name: 'wireguard',
  inputs: mutated([...samples, ...corpusOf('wireguard').map(({ bytes }) => bytes)], words),
  judge: (profile) => {
    const lines = profile.toString('utf8').split(/\r\n|\n|\r/);
    for (const split of [true, false]) {
      const planned = orCoded(
        ['VPN_'],
        () => planWireGuard(profile, FILE, { split, dns: [] }),
        (fault) => {
          expect(pieces(JSON.stringify(fault.serialize()))).toEqual([]);
          if (fault.code === 'VPN_PROFILE_TOO_LARGE') return;
          const [, line = 0, column = 0] = /^fuzz\.conf:(\d+):(\d+): /.exec(fault.what) ?? [];
          expect(Number(column)).toBeGreaterThan(0);
          expect(Number(column)).toBeLessThanOrEqual((lines[Number(line) - 1]?.length ?? -1) + 1);
        },
      );
      if (planned !== undefined) expectUsable(planned, split);
    }
  },
});

/** The plan says nothing the gateway's shell or wg(8) could take for something else. */
function expectUsable(planned: ReturnType<typeof planWireGuard>, split: boolean): void {
  const { plan, secrets: sealed } = planned;
  expect(plan.mtu).toBeGreaterThanOrEqual(576);
  expect(plan.mtu).toBeLessThanOrEqual(1_440);
  expect(plan.endpoint.port).toBeGreaterThan(0);
  expect(plan.endpoint.host).toMatch(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);
  expect(plan.resolvers.every(isIPv4)).toBe(true);
  expect(plan.resolvers.length).toBeGreaterThan(0);
  if (!split) expect(plan.routes).toEqual(['0.0.0.0/0']);
  const wg = sealed.reveal({ address: '192.0.2.1', port: 1 }, 2, 3);
  const [, own = ''] = /^PrivateKey = (.*)$/m.exec(wg) ?? [];
  expect(own).not.toBe('');
  expect(JSON.stringify(planned) + inspect(planned, { depth: 9, showHidden: true })).not.toContain(own);
  const KEY = '[A-Za-z0-9+/]{43}=';
  const LINE = new RegExp(
    `^(\\[Interface\\]|\\[Peer\\]|PrivateKey = ${KEY}|PublicKey = ${KEY}|PresharedKey = ${KEY}|ListenPort = 2|FwMark = 0x3|Endpoint = 192\\.0\\.2\\.1:1|AllowedIPs = [0-9a-f:./, ]+|PersistentKeepalive = \\d{1,5}|)$`,
  );
  expect(wg.split('\n').filter((line) => !LINE.test(line))).toEqual([]);
  // wg gives traffic to the peer with the longest prefix: an endpoint stands at the exit alone.
  expect(wg.match(/Endpoint/g)).toHaveLength(1);
  expectIpv6(plan);
  if (plan.ipv6 === undefined) expect(wg.match(/^AllowedIPs = .*:.*$/m)).toBeNull();
  const policy = {
    ifname: 'tun0',
    routes: plan.routes,
    resolvers: plan.resolvers,
    localPort: 2,
    mark: 3,
    mtu: plan.mtu,
    ...(plan.ipv6 === undefined ? {} : { ipv6: { routes: plan.ipv6.routes, resolvers: plan.ipv6.resolvers } }),
  };
  const settings = renderTunnelSettings(plan, policy, wg);
  const open = settings.slice(0, settings.indexOf('--- wireguard\n'));
  expect(open).toMatch(
    /^((address|route) [0-9./]+\n|mtu \d+\n|resolver [0-9.]+\n|(address|route|resolver)6 [0-9a-f:./]+\n|search [0-9A-Za-z.-]+\n)+$/,
  );
  expect(/6 /.test(open)).toBe(plan.ipv6 !== undefined);
}

/** Whole or not at all: addresses of machines, prefixes without bits behind their length, room for IPv6's packets. */
function expectIpv6({ ipv6, mtu }: ReturnType<typeof planWireGuard>['plan']): void {
  if (ipv6 === undefined) return;
  expect(mtu).toBeGreaterThanOrEqual(1_280);
  expect(ipv6.addresses.length).toBeGreaterThan(0);
  expect(ipv6.routes.length).toBeGreaterThan(0);
  const hosts = [...ipv6.addresses.map((cidr) => cidr.replace(/\/\d{1,3}$/, '')), ...ipv6.resolvers];
  expect(hosts.filter((host) => !isIPv6(host) || /^(::1?$|::ffff:|fe[89ab]|ff)/.test(host))).toEqual([]);
  const prefixes = [...ipv6.routes, ...ipv6.addresses];
  expect(prefixes.filter((cidr) => !isIPv6(cidr.split('/')[0] ?? '') || !(Number(cidr.split('/')[1]) <= 128))).toEqual(
    [],
  );
  expect(
    ipv6.routes.map((route) => new Address6(route)).filter((one) => one.bigInt() !== one.startAddress().bigInt()),
  ).toEqual([]);
}

const fill = (n: number, unit: string, prefix = '') =>
  prefix + unit.repeat(Math.floor((n - prefix.length) / unit.length));
for (const [name, unit, prefix] of [
  ['empty peers', '[Peer]\n', ''],
  ['empty DNS lines', 'DNS=\n', '[Interface]\n'],
  ['DNS lines', 'DNS=1.1.1.1\n', '[Interface]\n'],
  ['a list', '1.1.1.1,', '[Interface]\nDNS='],
  ['a name without a value', 'a', '[Interface]\n'],
  ['a label', 'a', '[Interface]\nDNS=a.'],
  ['hyphens', 'a-', '[Peer]\nEndpoint='],
  ['colons', ':', '[Peer]\nEndpoint='],
  ['spaces', ' ', '[Interface]\nDNS'],
  ['equal signs', '=', ''],
  ['control characters at the end', '\n', '[Interface]'],
] as const) {
  growsLinearly(
    `profile of ${name}`,
    65_536,
    (n) => fill(n, unit, prefix),
    (profile) => {
      try {
        planWireGuard(profile, FILE, { split: true, dns: [] });
      } catch {
        // Which refusal it is, is the other tests' matter.
      }
    },
  );
}
