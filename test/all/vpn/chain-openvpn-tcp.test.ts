/**
 * WireGuard in OpenVPN over TCP, as networks that let nothing else out want it.
 *
 * @leakCase 74 wire: WireGuard in OpenVPN over TCP: the second server of a chain is never seen on the untrusted network, neither its name nor its address,
 *   whichever hop is lost
 */
import { describeChain } from './chain-scene.ts';

describeChain('openvpn-tcp');
