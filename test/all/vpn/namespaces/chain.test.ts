/**
 * Each kind of VPN inside another, without a machine: the gateway's own scripts under its own ruleset, against the real servers.
 *
 * @leakCase 74 none: OpenVPN and OpenConnect too: with the first hop of a chain gone, nothing of the second leaves by the uplink
 */
import { jest } from '@jest/globals';
import { describeChains } from '../../../contract/vpn/chain-tests-scene.ts';

jest.setTimeout(120_000);

describeChains([
  ['WireGuard in OpenVPN', 'openvpn', 'wireguard', 'all'],
  ['WireGuard in OpenConnect', 'openconnect', 'wireguard', 'gone'],
  ['WireGuard in OpenConnect without DTLS', 'openconnect-slow', 'wireguard', 'connected'],
  ['OpenVPN in WireGuard', 'wireguard', 'openvpn', 'all'],
  ['OpenVPN over TCP in WireGuard', 'wireguard', 'openvpn-tcp', 'connected'],
  ['OpenConnect in WireGuard', 'wireguard', 'openconnect', 'gone'],
  ['OpenVPN in OpenConnect', 'openconnect', 'openvpn', 'connected'],
]);
