/**
 * IPv6 of a WireGuard tunnel, on real machines: a work VM makes an address of what its gateway advertises, comes out at the
 * VPN's IPv6 exit, and has no IPv6 where the tunnel has none.
 *
 * @leakCase 7 wire: IPv6 of a work VM goes through a tunnel that has it and nowhere else; without it, it fails at once
 */
import { beforeAll, describe } from '@jest/globals';
import { profileWithIpv6 } from '../../../src/lab/index.ts';
import {
  configOf,
  Ipv6Scene,
  testAnothersPrefix,
  testTunnelWithIpv6,
  testTunnelWithoutIpv6,
  withBothExits,
} from './ipv6-scene.ts';

const scene = new Ipv6Scene({}, withBothExits('six'));

beforeAll(async () => {
  await scene.stage.addProfile('six', profileWithIpv6(scene.stage.lab.profile));
  await scene.runs(withBothExits('six'));
}, 400_000);

describe('a tunnel with IPv6', () => testTunnelWithIpv6(scene, 'six'));

describe('a tunnel without IPv6', () => {
  beforeAll(() => scene.runs(configOf('lab')), 400_000);
  testTunnelWithoutIpv6(scene);
});

describe('case 7: another’s prefix', () => {
  beforeAll(() => scene.runs(configOf('six')), 400_000);
  testAnothersPrefix(scene);
});
