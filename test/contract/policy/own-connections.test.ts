/**
 * Connections that the gateway makes for the host, in the real kernel: under the tunnel's own lease, and dead for good once
 * they were cut.
 *
 * @leakCase 30 none: what a connection made for the host still had to send when it was cut leaves by no later tunnel
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { compileNft, type Defence, type RemovedDefences } from '../../../src/core/policy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { openPolicy } from '../../unit/core/policy/policies.ts';
import { Namespaces, type Packet, whyNot } from './namespaces.ts';
import { type Talker, Talkers } from './talkers.ts';

const SERVER = '9.9.9.9';
const PORT = 7_000;
/** TCP sends what was not acknowledged again after 0.2, 0.4, 0.8, .. s: this holds several attempts. */
const SEVERAL_ATTEMPTS_MS = 3_500;

const { tunnel } = openPolicy;
/** In the namespaces 10.64.0.1 is the gateway itself. */
const policy = { ...openPolicy, ...(tunnel && { tunnel: { ...tunnel, resolvers: ['10.64.0.2'] } }) };

function without(...defences: readonly Defence[]) {
  return compileNft(policy, new Set(defences) as unknown as RemovedDefences);
}

describeUnless(whyNot() ?? missing('conntrack'), "the gateway's own connections")(
  'the gateway’s own connections',
  () => {
    let net: Namespaces;
    let talkers: Talkers;
    beforeAll(() => {
      net = new Namespaces();
      talkers = new Talkers(net);
      net.run('tun', '/usr/sbin/nft', 'add', 'rule', 'ip', 'deaf', 'input', 'tcp', 'dport', String(PORT), 'accept');
    });
    beforeEach(() => net.load(without()));
    afterEach(() => talkers.end());
    afterAll(() => net.remove());

    /** A server in the tunnel, and a connection of the gateway's to it that is asked for. */
    async function connect(): Promise<{ readonly server: Talker; readonly client: Talker }> {
      const server = await talkers.serve('tun', SERVER, PORT);
      return { server, client: talkers.connect('gw', SERVER, PORT, { address: '10.64.0.1' }) };
    }

    /** As the gateway's `unlease` verb does. */
    function close(): void {
      net.unlease();
      net.run('gw', 'conntrack', '-F');
    }

    // First: what a connection of another test still repeats would be counted too.
    test('UDP goes to the tunnel’s resolver and to nobody else, leased or not', () => {
      net.lease('tun0');
      const dns = { from: 'gw', source: '10.64.0.1:4000', destination: '10.64.0.2:53' } as const;
      const went = (packet: Packet) => {
        const { to_tunnel, dropped_output } = net.send(packet);
        return { to_tunnel, dropped_output };
      };
      expect(went({ ...dns, destination: `${SERVER}:53` })).toEqual({ dropped_output: 1 });
      expect(went({ ...dns, destination: '10.64.0.2:54' })).toEqual({ dropped_output: 1 });
      expect(went(dns)).toEqual({ to_tunnel: 1 });
      net.unlease();
      expect(went(dns)).toEqual({ to_tunnel: 1 });
    });

    test('nothing goes there in the name of another card’s address', () => {
      const dns = { from: 'gw', source: '10.0.2.15:4000', destination: '10.64.0.2:53' } as const;
      expect(net.send(dns)).toEqual({ dropped_output: 1 });
      expect(net.send({ ...dns, source: '10.213.0.1:4000' })).toEqual({ dropped_output: 1 });
      expect(net.send({ ...dns, source: '10.64.0.1:4001' })).toEqual({ to_tunnel: 1 });
    });

    test('without a lease none comes about; under one of the tunnel’s own it does', async () => {
      const { server, client } = await connect();
      expect(await client.mayHear('connected', 1_500)).toBe(false);
      net.lease('tun0');
      await client.hears('connected');
      client.say('one');
      await server.hears('one');
    });

    test('anti-test: without the lease’s rule one comes about all the same', async () => {
      net.load(without('lease'));
      const { client } = await connect();
      await client.hears('connected');
    });

    test('a lease of a work link is none for the gateway', async () => {
      net.lease('work0');
      const { client } = await connect();
      expect(await client.mayHear('connected', 1_500)).toBe(false);
    });

    test('case 30: cut by a close, it says nothing more, by no later lease either', async () => {
      expect(await speaksAfterTheClose()).toBe(false);
    }, 20_000);

    test('case 30, anti-test: taken up in the middle, what it still had to say goes out by the next lease', async () => {
      net.load(without('no-pickup'));
      expect(await speaksAfterTheClose()).toBe(true);
    }, 20_000);

    /** Whether the server hears more of a connection that was cut, once the gate has opened again. */
    async function speaksAfterTheClose(): Promise<boolean> {
      net.lease('tun0');
      const { server, client } = await connect();
      await client.hears('connected');
      client.say('early');
      await server.hears('early');
      close();
      client.say('late');
      await delay(300);
      net.lease('tun0');
      return server.mayHear('late', SEVERAL_ATTEMPTS_MS);
    }
  },
);
