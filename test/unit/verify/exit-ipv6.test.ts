/** The exit over IPv6: asked beside the other at the address that the name has there, and only of a tunnel with IPv6. */
import { afterEach, describe, expect, test } from '@jest/globals';
import dnsPacket from 'dns-packet';
import { exitCheck } from '../../../src/core/checks/exit.ts';
import type { EgressPolicy } from '../../../src/core/policy/index.ts';
import { DNS_TYPES } from '../../../src/frame/index.ts';
import { LabPass } from '../../../src/lab/pass.ts';
import { askExit, findExit } from '../../../src/verify/exit.ts';
import type { ProbeStation } from '../../../src/verify/probe/station.ts';
import { policy as policy4, tunnel } from '../core/checks/facts.ts';
import { makeAuthority } from './certificates.ts';
import { contextOf } from './contexts.ts';
import { type ExitServer, exitServer } from './exit-server.ts';
import { FakeGate } from './fake-gate.ts';

const HOST = 'ip.lab.example';
const authority = makeAuthority('test authority');
const lab = LabPass.of({
  uplink: { kind: 'user' },
  addressing: { kind: 'dhcp' },
  endpoint: { address: '198.51.100.10', port: 51_820 },
  exitCa: authority.certificate,
  removedDefences: [],
});
const policy6: EgressPolicy = { ...policy4, tunnel: { ...tunnel, ipv6: { routes: ['::/0'], resolvers: [] } } };
const { signal } = new AbortController();

const servers: ExitServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A resolver that has these addresses. */
function stationWith(addresses: { readonly a: string; readonly aaaa?: string }): {
  station: ProbeStation;
  asked: number[];
} {
  const asked: number[] = [];
  const ask = async (name: string, _limitMs: number, _signal: AbortSignal, type: number = DNS_TYPES.a) => {
    asked.push(type);
    const data = type === DNS_TYPES.a ? addresses.a : addresses.aaaa;
    const answers = data === undefined ? [] : [{ type: type === DNS_TYPES.a ? 'A' : 'AAAA', name, data } as const];
    const message = dnsPacket.encode({
      type: 'response',
      id: 1,
      questions: [],
      answers: answers as dnsPacket.Answer[],
    });
    return { reply: { rcode: 0, elapsedMs: 1, message }, strays: 0 };
  };
  return { station: { ask } as unknown as ProbeStation, asked };
}

/** What an exit check finds: the server answers IPv4 with one address, and IPv6 with another or not at all. */
async function asks(
  addresses: { readonly a: string; readonly aaaa?: string },
  over6: string | undefined,
  policy = policy6,
) {
  const gate = new FakeGate();
  const answering = async (body: string) => {
    const server = await exitServer(authority.issue(HOST), (response) => response.end(body));
    servers.push(server);
    return server;
  };
  const [four, six] = [await answering('203.0.113.7'), over6 === undefined ? undefined : await answering(over6)];
  gate.dial = (address) => {
    if (!address.includes(':')) return four.dial();
    return six === undefined ? Promise.reject(new Error('no answer')) : six.dial();
  };
  const exit = { url: `https://${HOST}/`, expect: ['203.0.113.0/24', '2001:db8:e::/48'] };
  const context = contextOf(gate, { exit, lab, policy });
  const { station, asked } = stationWith(addresses);
  const facts = await askExit(context, await findExit(context, station, true, signal), signal);
  return { opinion: exitCheck.judge(facts), dialled: gate.dialled, asked };
}

const BOTH = { a: '203.0.113.80', aaaa: '2001:db8::80' };

describe('the exit over IPv6', () => {
  test('is asked, and both have to be expected', async () => {
    const { opinion, dialled } = await asks(BOTH, '2001:db8:e::7');
    expect(opinion).toMatchObject({ outcome: 'verified', summary: expect.stringContaining('2001:db8:e::7') });
    expect(new Set(dialled)).toEqual(new Set(['203.0.113.80:443', '2001:db8::80:443']));
  });

  test('another than the expected one refutes it', async () => {
    expect((await asks(BOTH, '2001:db8:bad::7')).opinion).toMatchObject({ outcome: 'refuted' });
  });

  test('anti-test: of a tunnel without IPv6 it is not asked, and nobody notices', async () => {
    const { opinion, dialled, asked } = await asks(BOTH, '2001:db8:bad::7', policy4);
    expect(opinion).toMatchObject({ outcome: 'verified' });
    expect(dialled).toEqual(['203.0.113.80:443']);
    expect(asked).toEqual([DNS_TYPES.a]);
  });

  test('a server that does not answer over it leaves it unknown', async () => {
    expect((await asks(BOTH, undefined)).opinion).toMatchObject({
      outcome: 'unknown',
      summary: expect.stringMatching(/^over IPv6/),
    });
  });

  test('a name that leads to this side of the tunnel is not asked there', async () => {
    const { opinion, dialled } = await asks({ ...BOTH, aaaa: '::ffff:10.0.2.2' }, '2001:db8:e::7');
    expect(opinion).toMatchObject({ outcome: 'unknown' });
    expect(dialled).toEqual(['203.0.113.80:443']);
  });

  test('a server that the tunnel does not lead to over IPv6 is not asked there', async () => {
    const parts = { ...policy6, tunnel: { ...tunnel, ipv6: { routes: ['fd66::/64'], resolvers: [] } } };
    const { opinion, dialled } = await asks(BOTH, '2001:db8:bad::7', parts);
    expect(opinion).toMatchObject({ outcome: 'verified' });
    expect(dialled).toEqual(['203.0.113.80:443']);
  });

  test('a server that has none is said to have none', async () => {
    const { opinion } = await asks({ a: BOTH.a }, undefined);
    expect(opinion).toMatchObject({
      outcome: 'verified',
      evidence: expect.arrayContaining([expect.stringContaining('no IPv6 address')]),
    });
  });
});
