/**
 * A second card towards some network appears in a gateway, with an address and a better route: a USB phone, or whoever
 * owns the hypervisor. The policy names the one uplink there is, so nothing leaves by the other.
 *
 * @leakCase 25 none: a second uplink with a better route carries nothing, not a work VM's packet and not the gateway's own
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { compileNft, type Defence, type RemovedDefences } from '../../../src/core/policy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { openPolicy } from '../../unit/core/policy/policies.ts';
import { Namespaces, type Packet, whyNot } from './namespaces.ts';

const without = (defence: Defence) => compileNft(openPolicy, new Set([defence]) as unknown as RemovedDefences);

const ofWork: Packet = { from: 'work', source: '10.213.0.2:5000', destination: '9.9.9.9:7000' };
const ownTunnel: Packet = {
  from: 'gw',
  source: '192.0.2.15:40001',
  destination: '198.51.100.7:51820',
  mark: openPolicy.tunnel?.mark ?? 0,
};
const ownClear: Packet = { from: 'gw', source: '192.0.2.15:40002', destination: '9.9.9.9:53' };

describeUnless(whyNot() ?? missing('socat'), 'a second uplink')('a second uplink', () => {
  let net: Namespaces;

  beforeAll(() => {
    net = new Namespaces();
    net.run('gw', 'ip', 'link', 'add', 'up1', 'type', 'veth', 'peer', 'name', 'phone');
    net.run('gw', 'ip', 'link', 'set', 'phone', 'up');
    net.run('gw', 'ip', 'addr', 'add', '192.0.2.15/24', 'dev', 'up1');
    net.run('gw', 'ip', 'link', 'set', 'up1', 'up');
    net.run('gw', 'ip', 'neigh', 'add', '192.0.2.1', 'lladdr', '52:54:00:00:00:99', 'dev', 'up1');
    for (const half of ['0.0.0.0/1', '128.0.0.0/1']) net.run('gw', 'ip', 'route', 'add', half, 'via', '192.0.2.1');
    net.run('gw', 'ip', 'route', 'replace', '198.51.100.7', 'via', '192.0.2.1');
  });
  afterAll(() => net.remove());

  /** Frames that this card sent, by its own count. */
  function sent(): number {
    const [link] = JSON.parse(net.run('gw', 'ip', '-s', '-j', 'link', 'show', 'up1')) as [
      { readonly stats64: { readonly tx: { readonly packets: number } } },
    ];
    return link.stats64.tx.packets;
  }

  /** How many of them `packet` is. */
  function leaves(packet: Packet): number {
    const before = sent();
    net.send(packet);
    return sent() - before;
  }

  describe('under the policy', () => {
    beforeEach(() => {
      net.load(compileNft(openPolicy));
      net.lease('work0');
    });

    test.each<[string, Packet]>([
      ["a work VM's packet, under a lease", ofWork],
      ["the VPN socket's own, with its mark", ownTunnel],
      ['what the gateway says in clear', ownClear],
    ])('case 25: %s does not leave by it', (_what, packet) => {
      expect(leaves(packet)).toBe(0);
    });
  });

  test('case 25: anti-test: where forwarding is not into the tunnel only, a work VM’s packet does', () => {
    net.load(without('tunnel-only'));
    net.lease('work0');
    expect(leaves(ofWork)).toBe(1);
  });

  test('case 25: anti-test: without any policy the gateway’s own do', () => {
    net.nft('flush', 'ruleset');
    expect(leaves(ownTunnel)).toBe(1);
    expect(leaves(ownClear)).toBe(1);
  });
});
