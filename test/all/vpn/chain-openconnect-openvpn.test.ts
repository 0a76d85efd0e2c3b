/**
 * OpenVPN in OpenConnect.
 *
 * @leakCase 74 wire: OpenVPN in OpenConnect: the second server of a chain is never seen on the untrusted network, neither its name nor its address,
 *   whichever hop is lost
 */
import { describeChain } from './chain-scene.ts';

describeChain('openconnect', 'openvpn');
