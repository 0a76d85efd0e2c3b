/**
 * IPv6 of an OpenVPN tunnel, on real machines: as its server gives it, takes it back, or gives what is none.
 *
 * @leakCase 7 wire: OpenVPN: IPv6 of a work VM goes through a tunnel whose server gave it and nowhere else; without it, it fails at once
 */
import { describeAssignedIpv6 } from './ipv6-scene.ts';

describeAssignedIpv6({
  vpn: 'openvpn',
  gives: (lab) => lab.openVpn('right', 'six'),
  givesNone: (lab) => lab.openVpn('right'),
  lies: (lab) => lab.openVpn('right', 'six-lies'),
});
