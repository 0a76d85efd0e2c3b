/**
 * IPv6 of an OpenConnect tunnel, on real machines: as its server gives it, takes it back, or gives what is none.
 *
 * @leakCase 7 wire: OpenConnect: IPv6 of a work VM goes through a tunnel whose server gave it and nowhere else; without it, it fails at once
 */
import { describeAssignedIpv6 } from './ipv6-scene.ts';

describeAssignedIpv6({
  vpn: 'openconnect',
  gives: (lab) => lab.openConnect('right', 'six'),
  givesNone: (lab) => lab.openConnect('right'),
  lies: (lab) => lab.openConnect('right', 'six-lies'),
});
