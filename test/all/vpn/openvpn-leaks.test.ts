/**
 * The leak cases of a work VM behind a gate on OpenVPN.
 *
 * @leakCase 5 wire: OpenVPN: a work VM's own DNS tools reach the tunnel's resolver only
 * @leakCase 7 wire: OpenVPN: a host with IPv6 only fails at once in a work VM, it does not hang
 * @leakCase 13 wire: OpenVPN: the server killed or blackholed under a flood: nothing in clear, closed, open again by itself
 * @leakCase 33 wire: OpenVPN: a work VM's traceroute names no hop of the uplink
 * @leakCase 34 wire: OpenVPN: a work VM's mDNS and SSDP do not cross
 * @leakCase 36 wire: OpenVPN: a work VM's tools reach neither the untrusted network nor private ranges nor the host in clear
 * @leakCase 42 wire: OpenVPN: from the VPN's side nothing reaches a work VM that listens
 * @leakCase 61 wire: OpenVPN: a work VM's clear text to the endpoint and its port does not leave in clear
 */
import { describeLeaks } from './kind-leaks-scene.ts';

describeLeaks('openvpn');
