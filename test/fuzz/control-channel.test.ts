import { Duplex, PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import type { Client } from 'ssh2';
import type * as z from 'zod';
import type { Check } from '../../src/core/checks/check.ts';
import { clockCheck } from '../../src/core/checks/clock.ts';
import { routesCheck } from '../../src/core/checks/routes.ts';
import { rulesetCheck } from '../../src/core/checks/ruleset.ts';
import { tunnelCheck } from '../../src/core/checks/tunnel.ts';
import { normalizeRuleset } from '../../src/core/policy/normalize.ts';
import { readAnswer } from '../../src/gateway/answer.ts';
import { fromBanner } from '../../src/gateway/banner.ts';
import * as protocol from '../../src/gateway/protocol.ts';
import { ResidentShell } from '../../src/gateway/resident.ts';
import { settle } from '../../src/verify/settle.ts';
import {
  endpoint,
  healthyFacts,
  listed,
  NOW,
  PEER,
  plan,
  policy,
  tunnel,
  tunnelAddresses,
} from '../unit/core/checks/facts.ts';
import { fuzz, orCoded, orCodedLater } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutatedJson } from './json-mutate.ts';
import { chunksOf, mutated } from './mutate.ts';

const { leases: _leases, counters: _counters, ...factsAsPrinted } = healthyFacts();
const { bootId, epochMs, uptimeMs, links, tunnel: tunnelFacts } = factsAsPrinted;
const open = { nftables: [{ set: { family: 'inet', name: 'open', elem: [{ elem: { val: 'work0', expires: 14 } }] } }] };
const answers: readonly { readonly verb: protocol.Verb; readonly schema: z.ZodType; readonly sample: object }[] = [
  { verb: 'hello', schema: protocol.hello, sample: { v: 1, bootId: 'b', uptimeMs: 9, layers: ['base'] } },
  {
    verb: 'uplink',
    schema: protocol.uplinkLease,
    sample: { v: 1, address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' },
  },
  { verb: 'lease', schema: protocol.leases, sample: { v: 1, leases: [{ ifname: 'work0', expiresMs: 15_000 }] } },
  {
    verb: 'counts',
    schema: protocol.countsAnswer,
    sample: {
      ...{ v: 1, bootId, epochMs, uptimeMs, links, tunnel: tunnelFacts },
      counters: { nftables: [{ counter: { name: 'up_out', packets: 3, bytes: 444 } }] },
      open,
    },
  },
  { verb: 'logs', schema: protocol.logs, sample: { v: 1, logs: 'dropbear: hello\n' } },
  { verb: 'apply', schema: protocol.done, sample: { v: 1, ok: true } },
];
const refusal = { v: 1, ok: false, step: 'nft', detail: 'no such file\nat all' };

fuzz({
  name: 'answers',
  inputs: mutatedJson([...answers.map(({ sample }) => sample), refusal]),
  judge: (stdout) => {
    for (const { verb, schema } of answers) {
      for (const exit of [0, 1, undefined]) {
        const answer = orCoded(['GATEWAY_GARBLED', 'GATEWAY_VERB_FAILED'], () =>
          readAnswer(verb, schema, { stdout, stderr: stdout.toString('latin1'), exit }),
        );
        if (answer === undefined) continue;
        expect(exit).toBe(0);
        expect(JSON.stringify(answer).length).toBeLessThanOrEqual(2 * stdout.length + 1_000);
      }
    }
  },
});

/** What each check that believes the gateway makes of what it says. */
async function judged(facts: protocol.GatewayFacts) {
  const snapshot = { facts, askedMs: NOW - 30, answeredMs: NOW + 30 };
  const pinned = {
    ...{ kind: 'wireguard' as const, policy: tunnel, endpoint, peerIdentity: PEER },
    ...{ certificates: undefined, serverId: undefined },
    ...{ connectBeganMs: NOW - 9_000, before: undefined },
  };
  const outcome = async <F>(check: Check<F>, about: F) =>
    (await settle(check, Promise.resolve(about), () => 0)).outcome;
  return {
    ruleset: await outcome(rulesetCheck, { policy, snapshot, leased: ['work0'] }),
    routes: await outcome(routesCheck, { policy, plan, tunnelAddresses, snapshot }),
    clock: await outcome(clockCheck, { snapshot, date: undefined }),
    tunnel: await outcome(tunnelCheck, [{ ...pinned, after: snapshot }]),
  };
}

fuzz({
  name: 'facts',
  batch: 40,
  inputs: mutatedJson(
    [
      factsAsPrinted,
      { ...factsAsPrinted, ruleset: { nftables: [...listed(policy).nftables, ...open.nftables] } },
      // The ruleset is nine tenths of the text: without it routes and cards get their share.
      { ...factsAsPrinted, ruleset: { nftables: [] } },
      { ...factsAsPrinted, ruleset: { nftables: [] } },
    ],
    [
      ...[
        '"accept":null',
        '"work0"',
        '"dst":"default"',
        '"dev":"up0"',
        '"table":"51"',
        '"gateway":"10.0.2.3",',
        '"iif":"work0",',
      ],
    ],
  ),
  judge: async (stdout) => {
    const facts = orCoded(['GATEWAY_GARBLED', 'GATEWAY_VERB_FAILED'], () =>
      readAnswer('facts', protocol.factsAnswer, { stdout, stderr: '', exit: 0 }),
    );
    if (facts === undefined) return;
    const outcomes = await judged(facts);
    for (const outcome of Object.values(outcomes)) expect(['verified', 'refuted', 'unknown']).toContain(outcome);
    if (outcomes.ruleset === 'verified') {
      expect(normalizeRuleset(facts.ruleset)).toEqual(normalizeRuleset(listed(policy)));
      expect(facts.leases.every(({ ifname, expiresMs }) => ifname === 'work0' && expiresMs <= 15_000)).toBe(true);
    }
    if (outcomes.routes === 'verified') expect(waysOut(facts)).toEqual([]);
    if (outcomes.tunnel === 'verified') {
      const wireguard = facts.tunnel?.kind === 'wireguard' ? facts.tunnel.peers : [];
      const peers = wireguard.filter(({ latestHandshakeMs }) => latestHandshakeMs !== 0);
      expect(peers.map(({ publicKey, endpoint: at }) => [publicKey, at])).toEqual([[PEER, '198.51.100.10:51820']]);
    }
    if (outcomes.clock === 'verified') expect(Math.abs(facts.epochMs - NOW)).toBeLessThanOrEqual(2_030);
  },
});

/** Routes by which a packet could leave, read without the checks' own schemas. */
function waysOut(facts: protocol.GatewayFacts): readonly unknown[] {
  return [...facts.routes4, ...facts.routes6].filter((entry) => {
    if (typeof entry !== 'object' || entry === null) return true;
    const { dev, type = 'unicast', table = 'main', gateway, dst } = entry as Record<string, unknown>;
    if (type !== 'unicast') return false;
    if (dev === 'up0') return table !== '51' || (gateway !== '10.0.2.2' && dst !== '10.0.2.2');
    return !['tun0', 'lo', 'work0', 'probe0'].includes(String(dev));
  });
}

test('the honest gateway is verified, so that its mutants can be refuted', async () => {
  expect(Object.values(await judged(healthyFacts()))).toEqual(Array(4).fill('verified'));
});

fuzz({
  name: 'banner',
  batch: 50,
  inputs: mutated(
    [Buffer.from('stale bytesSSH-2.0-dropbear\r\nrest'), Buffer.from('SSH-2.0-x\r\n'), Buffer.from('SSH-2.SSH-2.0-y')],
    ['SSH-2.0-', 'SSH-', '-'],
  ),
  judge: async (input) => {
    const raw = new Duplex({ read: () => {}, write: (_, __, done) => done() });
    const clean = fromBanner(raw);
    const heard: Buffer[] = [];
    clean.on('data', (chunk: Buffer) => heard.push(chunk));
    const over = new Promise((resolve) => clean.on('close', resolve).on('error', () => {}));
    for (const chunk of chunksOf(input)) raw.push(chunk);
    raw.push(null);
    clean.on('end', () => clean.destroy());
    await over;
    const start = input.indexOf('SSH-2.0-');
    expect(Buffer.concat(heard)).toEqual(start < 0 ? Buffer.alloc(0) : input.subarray(start));
  },
});

/** A gateway whose resident shell says `said` to the first request and then hangs up. */
function saying(said: Buffer): Client {
  const channel = Object.assign(
    new Duplex({
      read: () => {},
      write: (_chunk, _encoding, done) => {
        for (const chunk of chunksOf(said)) channel.push(chunk);
        channel.push(null);
        done();
      },
    }),
    { stderr: new PassThrough() },
  );
  channel.on('end', () => channel.destroy());
  const exec = (_command: string, opened: (cause: undefined, stream: Duplex) => void) => opened(undefined, channel);
  return { exec } as unknown as Client;
}

fuzz({
  name: 'resident-shell',
  batch: 50,
  inputs: mutated(
    [Buffer.from('{"v":1,"ok":true}\n'), Buffer.from('{"v":1}\n{"v":2}\n'), Buffer.from('{"v":1')],
    ['\n', '\r\n'],
  ),
  judge: async (said) => {
    const broken: string[] = [];
    const shell = new ResidentShell(saying(said), (why) => broken.push(why));
    const output = await orCodedLater(['GATEWAY_LOST', 'GATEWAY_GARBLED'], () => shell.ask('hello', ''));
    // One line, no more and no less, is an answer.
    if (said.indexOf('\n') === said.length - 1 && said.length > 0) expect(output?.stdout).toEqual(said.subarray(0, -1));
    // A gateway that spoke out of turn is not asked again.
    else expect(broken.length).toBeGreaterThan(0);
  },
});

growsLinearly(
  'facts nested deeply',
  400_000,
  (n) => {
    const nested = `[{"rule":{"expr":${'['.repeat(n)}${']'.repeat(n)}}}]`;
    return Buffer.from(
      JSON.stringify({ ...factsAsPrinted, ruleset: { nftables: 0 } }).replace('"nftables":0', `"nftables":${nested}`),
    );
  },
  (stdout) => judged(readAnswer('facts', protocol.factsAnswer, { stdout, stderr: '', exit: 0 })),
);
growsLinearly(
  'facts of many rules',
  4_000,
  (n) =>
    Buffer.from(
      JSON.stringify({
        ...factsAsPrinted,
        ruleset: {
          nftables: Array(n).fill({ rule: { family: 'inet', table: 'x', chain: 'y', expr: [{ a: ['b', 'c'] }] } }),
        },
      }),
    ),
  (stdout) => judged(readAnswer('facts', protocol.factsAnswer, { stdout, stderr: '', exit: 0 })),
);
growsLinearly(
  'stale bytes before the banner',
  1_000_000,
  (n) => Array<Buffer>(n / 1_000).fill(Buffer.alloc(1_000, 'S')),
  (chunks) => {
    const raw = new Duplex({ read: () => {} });
    fromBanner(raw).on('error', () => {});
    for (const chunk of chunks) raw.emit('data', chunk);
  },
);
