/**
 * One VPN in another, set up by the gateway's own scripts under its own ruleset: what goes where, what the untrusted
 * network sees of it, and what it sees when the first tunnel is gone under the second.
 *
 * @leakCase 74 none: with the first hop of a chain gone, nothing of the second leaves by the uplink: not by its table, not by the firewall
 */
import { jest } from '@jest/globals';
import { describeChains } from './chain-tests-scene.ts';

jest.setTimeout(120_000);

// The other pairs take minutes: test/all/vpn/namespaces/chain.test.ts.
describeChains([
  ['WireGuard in WireGuard', 'wireguard', 'wireguard', 'all'],
  ['WireGuard in OpenVPN over TCP', 'openvpn-tcp', 'wireguard', 'connected'],
]);
