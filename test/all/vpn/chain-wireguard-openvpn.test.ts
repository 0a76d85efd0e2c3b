/**
 * OpenVPN in WireGuard.
 *
 * @leakCase 74 wire: OpenVPN in WireGuard: the second server of a chain is never seen on the untrusted network, neither its name nor its address,
 *   whichever hop is lost
 */
import { describeChain } from './chain-scene.ts';

describeChain('wireguard', 'openvpn');
