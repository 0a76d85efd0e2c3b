import { describe, expect, test } from '@jest/globals';
import { changeBetween, type NetworkPath, type NetworkView, remembered } from '../../../src/sensors/network-view.ts';

const PATH: NetworkPath = { source: '192.168.1.23', card: 'wlan0', router: '192.168.1.1', wifi: 'Cafe' };
const CAFE: NetworkView = {
  path: PATH,
  resolvers: ['192.168.1.1'],
  addresses: ['lo 127.0.0.1/8', 'wlan0 192.168.1.23/24'],
};
const on = (path: Partial<NetworkPath>): NetworkView => ({ ...CAFE, path: { ...PATH, ...path } });

describe('another network, as far as the uplink is concerned', () => {
  test.each<[string, NetworkView, string]>([
    ['address', on({ source: '192.168.1.99' }), 'address 192.168.1.23 -> 192.168.1.99'],
    ['card', on({ card: 'eth0' }), 'card wlan0 -> eth0'],
    ['router', on({ router: '192.168.1.254' }), 'router 192.168.1.1 -> 192.168.1.254'],
    ['Wi-Fi', on({ wifi: 'Train' }), 'Wi-Fi Cafe -> Train'],
    ['resolvers', { ...CAFE, resolvers: ['10.0.0.1'] }, 'resolvers 192.168.1.1 -> 10.0.0.1'],
  ])('%s', (_, now, told) => {
    expect(changeBetween(CAFE, now)).toEqual({ kind: 'moved', changes: [told] });
  });

  test('all of it at once', () => {
    const now: NetworkView = {
      path: { source: '10.31.4.7', card: 'wlan0', router: '10.31.0.1', wifi: 'Train' },
      resolvers: ['10.31.0.1'],
      addresses: ['lo 127.0.0.1/8', 'wlan0 10.31.4.7/16'],
    };
    expect(changeBetween(CAFE, now)).toMatchObject({ kind: 'moved', changes: { length: 4 } });
  });

  test('no way at all, and a way again', () => {
    const nowhere = { ...CAFE, path: undefined };
    expect(changeBetween(CAFE, nowhere)).toEqual({ kind: 'gone' });
    expect(changeBetween(nowhere, CAFE)).toMatchObject({
      kind: 'moved',
      changes: ['there is a way again, from 192.168.1.23'],
    });
    expect(changeBetween(nowhere, { ...nowhere, resolvers: ['9.9.9.9'] })).toEqual({ kind: 'none' });
  });
});

describe('what cannot matter to it', () => {
  const beside = (...addresses: readonly string[]): NetworkView => ({
    ...CAFE,
    addresses: [...CAFE.addresses, ...addresses].sort(),
  });

  test('a bridge of containers comes and goes', () => {
    const docker = beside('docker0 172.17.0.1/16');
    expect(changeBetween(CAFE, docker)).toEqual({ kind: 'beside', changes: ['docker0 172.17.0.1/16 came'] });
    expect(changeBetween(docker, CAFE)).toEqual({ kind: 'beside', changes: ['docker0 172.17.0.1/16 went'] });
  });

  test('a temporary IPv6 address is replaced', () => {
    expect(changeBetween(beside('wlan0 2001:db8::a/64'), beside('wlan0 2001:db8::b/64'))).toEqual({
      kind: 'beside',
      changes: ['wlan0 2001:db8::b/64 came', 'wlan0 2001:db8::a/64 went'],
    });
  });

  test('a hundred addresses are named by six', () => {
    const many = beside(...Array.from({ length: 100 }, (_, index) => `veth${index} 10.9.${index}.1/24`));
    expect(changeBetween(CAFE, many)).toMatchObject({ changes: { length: 7, 6: '94 more' } });
  });

  test('the same in another order of looking', () => {
    expect(changeBetween(CAFE, structuredClone(CAFE))).toEqual({ kind: 'none' });
  });
});

describe('what could not be read', () => {
  const blind: NetworkView = { ...on({ router: undefined, wifi: undefined }), resolvers: [] };

  test('is no change, in neither direction', () => {
    expect(changeBetween(CAFE, blind)).toEqual({ kind: 'none' });
    expect(changeBetween(blind, CAFE)).toEqual({ kind: 'none' });
  });

  test('is remembered as it was, so that it hides no change', () => {
    const after = remembered(CAFE, blind);
    expect(after).toEqual(CAFE);
    expect(changeBetween(after, on({ wifi: 'Train' }))).toMatchObject({ kind: 'moved' });
  });

  test('is not carried to another card', () => {
    const wired = on({ card: 'eth0', wifi: undefined });
    expect(remembered(CAFE, wired).path?.wifi).toBeUndefined();
  });
});
