/**
 * A work VM's connection that began in one tunnel, and the gateway of another: in the real kernel, with what the connection
 * still has to say marked.
 *
 * @leakCase 68 none: a work VM's open connection is reset by the gateway of another tunnel, and nothing of it enters that one
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import {
  compareRulesets,
  compileNft,
  type Defence,
  type EgressPolicy,
  type RemovedDefences,
} from '../../../src/core/policy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { manyRights, openPolicy } from '../../unit/core/policy/policies.ts';
import { Namespaces, type Space, whyNot } from './namespaces.ts';
import { Talkers } from './talkers.ts';

jest.setTimeout(60_000);

const SERVER = '9.9.9.9';
const PORT = 7_200;
/** TCP repeats what was not acknowledged after 0.2, 0.4, 0.8, .. s. */
const SEVERAL_ATTEMPTS_MS = 3_000;

const { tunnel } = openPolicy;
const [work, ...others] = openPolicy.links;
/** With and without rules of its own, a link's first packets go different ways. */
const policies = {
  'without rules': openPolicy,
  'with rules': {
    ...openPolicy,
    links: [...(work ? [{ ...work, egress: { ...manyRights, rules: [] } }] : []), ...others],
  },
} satisfies Record<string, EgressPolicy>;

describeUnless(whyNot() ?? missing('conntrack'), 'connections of another tunnel')(
  'connections of another tunnel',
  () => {
    let net: Namespaces;
    let talkers: Talkers;
    beforeAll(() => {
      net = new Namespaces();
      talkers = new Talkers(net);
      const letIn = (space: Space, port: string) =>
        net.run(space, '/usr/sbin/nft', 'add', 'rule', 'ip', 'deaf', 'input', 'tcp', port, String(PORT), 'accept');
      letIn('tun', 'dport');
      letIn('work', 'sport');
    });
    beforeEach(() => {
      net.run('gw', 'conntrack', '-F');
    });
    afterEach(() => talkers.end());
    afterAll(() => net?.remove());

    function load(policy: EgressPolicy, onlyNewFlows: boolean, ...removed: readonly Defence[]): void {
      const ours = { ...policy, ...(tunnel && { tunnel: { ...tunnel, onlyNewFlows } }) };
      const ruleset = compileNft(ours, new Set(removed) as unknown as RemovedDefences);
      net.load(ruleset);
      expect(compareRulesets(ruleset, net.list())).toEqual([]);
      net.lease('work0');
    }

    /** What server and client hear once a connection that stood before the other gateway says something. */
    async function afterTheSwitch(policy: EgressPolicy, ...removed: readonly Defence[]) {
      load(policy, false);
      const server = await talkers.serve('tun', SERVER, PORT);
      const client = talkers.connect('work', SERVER, PORT);
      await client.hears('connected');
      client.say('before');
      await server.hears('before');
      load(policy, true, ...removed);
      net.run('gw', 'conntrack', '-F');
      client.say('marked');
      await server.mayHear('marked', SEVERAL_ATTEMPTS_MS);
      return { server: server.heard, client: client.heard };
    }

    test.each(Object.entries(policies))('case 68: a link %s: it is reset, and says nothing more', async (_, policy) => {
      const { server, client } = await afterTheSwitch(policy);
      expect(server).not.toContain('marked');
      expect(client).toContain('ECONNRESET');
    });

    test.each(Object.entries(policies))(
      'case 68, anti-test: a link %s: taken up in the middle it goes on',
      async (_, policy) => {
        expect((await afterTheSwitch(policy, 'no-pickup')).server).toContain('marked');
      },
    );

    test('a connection that begins there is let through', async () => {
      load(openPolicy, true);
      const server = await talkers.serve('tun', SERVER, PORT);
      const client = talkers.connect('work', SERVER, PORT);
      await client.hears('connected');
      client.say('new');
      await server.hears('new');
    });
  },
);
