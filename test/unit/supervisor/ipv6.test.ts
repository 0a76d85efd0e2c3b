/** Whether a gate has IPv6: its profile's, unless the exit or the way there stands against it. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { readJournal } from '../../../src/home/index.ts';
import { addProfile } from '../../../src/vpn/index.ts';
import { Stand } from './stand.ts';

jest.setTimeout(30_000);

const PROFILE = `[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.66.0.2/32, fd66::2/128
DNS = 10.66.0.1
[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 9.9.9.9:51820
`;
const EXIT = (expected: string) => `verify: {exit: {url: "https://ip.example/", expect: [${expected}]}}\n`;

let stand: Stand;
beforeEach(async () => {
  stand = await Stand.open();
  const file = path.join(stand.folder, 'six.conf');
  writeFileSync(file, PROFILE, { mode: 0o600 });
  await addProfile(stand.home.vpn, 'six', file, { split: false, dns: [] });
});
afterEach(() => stand.close());

async function opened(vpn: string, more = ''): Promise<string> {
  const work = 'work: {a: {template: tiny, egress: [{to: bank.example}]}}\n';
  writeFileSync(stand.configPath, `version: 1\nvpn: ${vpn}\n${more}${work}`);
  await stand.supervise();
  await stand.up();
  return stand.parts.control.applied.at(-1) ?? '';
}

const reasons = () =>
  readJournal(stand.layout.journal).flatMap(({ code, payload }) =>
    code === 'GATE_IPV6_OFF' ? [(payload as { why: string }).why] : [],
  );
const forwardsIpv6 = (ruleset: string) =>
  /"iifname"}},"right":"work0"}.{0,400}"protocol":"ip6","field":"saddr"/.test(ruleset);

test('a profile with IPv6: links and tunnel have it', async () => {
  const ruleset = await opened('six');
  expect(forwardsIpv6(ruleset)).toBe(true);
  expect(ruleset).toContain('name0_6');
  expect(stand.parts.control.tunnels.at(-1)?.ipv6).toEqual({
    addresses: ['fd66::2/128'],
    routes: ['::/0'],
    resolvers: [],
  });
  expect(reasons()).toEqual([]);
});

test('one without: everything is as if there were no IPv6', async () => {
  expect(await opened('lab')).not.toMatch(/ip6|icmpv6|ipv6/);
  expect(reasons()).toEqual([]);
});

test('an exit that is expected by IPv4 addresses alone: no IPv6, and why', async () => {
  expect(await opened('six', EXIT('203.0.113.7'))).not.toMatch(/ip6|icmpv6|ipv6/);
  expect(stand.parts.control.tunnels.at(-1)?.ipv6).toBeUndefined();
  expect(reasons()).toEqual([expect.stringContaining('verify.exit.expect names no IPv6 address')]);
});

test('one that names the IPv6 exit too: IPv6', async () => {
  expect(forwardsIpv6(await opened('six', EXIT('203.0.113.7, "2001:db8:e::/48"')))).toBe(true);
});

test('a way that carries too little for IPv6: IPv4 goes on without it, and why', async () => {
  // The tunnel's resolver answers what fits 1,220 bytes; IPv4, TCP and its timestamps are 52 of them.
  stand.parts.weather.onDial = (_to, far) => {
    far.on('data', (question: Buffer) => {
      if (question.length + 52 > 1_220) return;
      const answer = Buffer.from(question);
      answer.writeUInt16BE(0x8183, 4);
      far.write(answer);
    });
  };
  const ruleset = await opened('six');
  const { tunnels } = stand.parts.control;
  expect(tunnels.map(({ mtu, ipv6 }) => [mtu, ipv6 === undefined])).toEqual([
    [1_420, false],
    [1_216, true],
  ]);
  expect(ruleset).not.toContain('"nfproto"}},"right":"ipv6"');
  expect(reasons()).toEqual([expect.stringContaining('carries 1216')]);
});
