/**
 * Which address a tunnel's server is dialled at.
 *
 * @leakCase 63 none: server names that lead to this machine, to slirp, to private or reserved addresses are refused
 */
import { describe, expect, test } from '@jest/globals';
import { type ResolveMeans, resolveEndpoint } from '../../../src/vpn/index.ts';
import { codeOf } from '../faults.ts';

const NAME = { host: 'vpn.acme.example', port: 51_820 };
const STRICT = { allowPrivate: false };
const answering = (...addresses: readonly string[]): ResolveMeans => ({
  lookup: async () => addresses,
  onLink: () => [],
});

describe('resolveEndpoint', () => {
  test('pins the first address and tells all', async () => {
    const pinned = await resolveEndpoint(NAME, STRICT, answering('198.41.0.4', '199.9.14.201', '198.41.0.4'));
    expect(pinned).toEqual({ address: '198.41.0.4', port: 51_820, answered: ['198.41.0.4', '199.9.14.201'] });
  });

  test('a literal address is looked up by nobody', async () => {
    const means = { ...answering(), lookup: () => Promise.reject(new Error('asked')) };
    const pinned = await resolveEndpoint({ host: '198.41.0.4', port: 5 }, STRICT, means);
    expect(pinned).toEqual({ address: '198.41.0.4', port: 5, answered: ['198.41.0.4'] });
  });

  test.each([
    ['127.0.0.1'],
    ['0.0.0.0'],
    ['255.255.255.255'],
    ['10.0.2.2'],
    ['10.0.2.3'],
    ['169.254.169.254'],
    ['224.0.0.1'],
    ['240.0.0.1'],
    ['::1'],
    ['2130706433'],
  ])('case 63: %s reaches the host or nobody: refused, allowPrivate or not', async (address) => {
    const resolve = (allowPrivate: boolean) => resolveEndpoint(NAME, { allowPrivate }, answering(address));
    expect(await codeOf(resolve(false))).toBe('VPN_ENDPOINT_FORBIDDEN');
    expect(await codeOf(resolve(true))).toBe('VPN_ENDPOINT_FORBIDDEN');
  });

  test.each([['192.168.1.5'], ['10.9.9.9'], ['172.20.0.1'], ['100.64.0.9']])(
    '%s needs allowPrivate',
    async (address) => {
      expect(await codeOf(resolveEndpoint(NAME, STRICT, answering(address)))).toBe('VPN_ENDPOINT_PRIVATE');
      expect(await resolveEndpoint(NAME, { allowPrivate: true }, answering(address))).toMatchObject({ address });
    },
  );

  test('a public address the local network claims needs allowPrivate too', async () => {
    const means = { ...answering('198.41.0.4'), onLink: () => ['198.41.0.77/8'] };
    expect(await codeOf(resolveEndpoint(NAME, STRICT, means))).toBe('VPN_ENDPOINT_PRIVATE');
    expect(await resolveEndpoint(NAME, { allowPrivate: true }, means)).toMatchObject({ address: '198.41.0.4' });
  });

  test("an address of this machine's own is refused, allowPrivate or not; its neighbours are not", async () => {
    const means = { ...answering('192.168.1.5'), onLink: () => ['10.9.9.1/8', '192.168.1.5/24'] };
    expect(await codeOf(resolveEndpoint(NAME, { allowPrivate: true }, means))).toBe('VPN_ENDPOINT_FORBIDDEN');
    const beside = { ...means, lookup: async () => ['192.168.1.50'] };
    expect(await resolveEndpoint(NAME, { allowPrivate: true }, beside)).toMatchObject({ address: '192.168.1.50' });
  });

  test('of thousands of answers a few are judged', async () => {
    const lies = Array.from({ length: 40 }, (_, index) => `127.0.0.${index + 1}`);
    expect(await codeOf(resolveEndpoint(NAME, STRICT, answering(...lies, '198.41.0.4')))).toBe(
      'VPN_ENDPOINT_FORBIDDEN',
    );
  });

  test('a lying answer before an honest one is passed over', async () => {
    const pinned = await resolveEndpoint(NAME, STRICT, answering('127.0.0.1', '198.41.0.4'));
    expect(pinned.address).toBe('198.41.0.4');
  });

  test("case 63, anti-test: with the lab's exception, a predicate somebody has to hand in, one is dialled", async () => {
    const lab = { ...answering('10.0.2.2'), exempt: (address: string) => address === '10.0.2.2' };
    expect(await resolveEndpoint(NAME, STRICT, lab)).toMatchObject({ address: '10.0.2.2' });
    const other = { ...lab, lookup: async () => ['10.0.2.3'] };
    expect(await codeOf(resolveEndpoint(NAME, STRICT, other))).toBe('VPN_ENDPOINT_FORBIDDEN');
  });

  test('no address, a failing lookup, a silent one', async () => {
    expect(await codeOf(resolveEndpoint(NAME, STRICT, answering()))).toBe('VPN_ENDPOINT_UNRESOLVED');
    const failing = { lookup: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })) };
    expect(await codeOf(resolveEndpoint(NAME, STRICT, failing))).toBe('VPN_ENDPOINT_UNRESOLVED');
    const silent = { lookup: () => new Promise<never>(() => undefined), timeoutMs: 10 };
    expect(await codeOf(resolveEndpoint(NAME, STRICT, silent))).toBe('VPN_ENDPOINT_LOOKUP_TIMEOUT');
  });
});
