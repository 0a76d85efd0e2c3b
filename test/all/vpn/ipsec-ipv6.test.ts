/**
 * IPv6 of an IKEv2 tunnel, on real machines: as its server gives it, takes it back, or gives what is none.
 *
 * @leakCase 7 wire: IPsec: IPv6 of a work VM goes through a tunnel whose server gave it and nowhere else; without it, it fails at once
 */
import { describeAssignedIpv6 } from './ipv6-scene.ts';

describeAssignedIpv6({
  vpn: 'ipsec',
  gives: (lab) => lab.ipsec('psk', 'six'),
  givesNone: (lab) => lab.ipsec('psk'),
  lies: (lab) => lab.ipsec('psk', 'six-lies'),
});
