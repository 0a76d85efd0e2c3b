import { afterAll, describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { loadWritten, removeWritten } from './written.ts';

afterAll(removeWritten);

const load = (text: string, local?: string) => loadWritten(text, local).config;

/** Line, column and message of what is wrong. */
function faultOf(text: string, local?: string): string {
  try {
    load(text, local);
  } catch (cause) {
    if (VmgateError.is(cause)) return [cause.code, ...cause.evidence].join('\n').replaceAll(/\/tmp\/vgt-\w+\//g, '');
  }
  return 'accepted';
}

describe('several VPN profiles', () => {
  test.each([
    ['vpn: [office, home]\nfailover: {leaky: true}\n'],
    ['vpn: [office, home]\nfailover: {equivalent: [home, office]}\n'],
    ['vpn: [office, home, hotel]\nfailover: {equivalent: [home, office], leaky: true}\n'],
  ])('%j: tried in the order written', (text) => {
    expect(load(text).vpn.slice(0, 2)).toEqual(['office', 'home']);
  });

  test('a list of one is one', () => {
    expect(load('vpn: [office]\n').vpn).toEqual(['office']);
  });

  test.each<[string, string]>([
    ['vpn: [office, home]\n', 'what is sent for another profile would go by home'],
    ['vpn: [office, home]\nfailover: {leaky: false}\n', 'say failover: {equivalent: [office, home]}'],
    ['vpn: [a, b, c]\nfailover: {equivalent: [a, b]}\n', 'what is sent for another profile would go by c'],
    ['vpn: [a, a]\nfailover: {leaky: true}\n', 'vmgate.yaml:2:10: a is in the list already'],
    ['vpn: [a, b]\nfailover: {equivalent: [a, c]}\n', 'vmgate.yaml:3:28: c is no profile of vpn'],
    ['vpn: office\nfailover: {leaky: true}\n', 'failover is about several profiles'],
    ['vpn: []\n', 'vpn must have at least 1'],
    ['vpn: [UPPER, b]\nfailover: {leaky: true}\n', 'must be the name of a profile'],
    ['vpn: {a: b}\n', 'unknown key "a" in vpn'],
    ['vpn: 7\n', 'must be the name of a profile, a list'],
  ])('%j is refused', (text, message) => {
    const fault = faultOf(text);
    expect(fault).toMatch(/^CONFIG_INVALID/);
    expect(fault).toContain(message);
  });

  test('the local file may say it of profiles that it names itself, not of others', () => {
    const said = 'vpn: [mine, other]\nfailover: {leaky: true}\n';
    expect(load('', said).vpn).toEqual(['mine', 'other']);
    expect(faultOf('vpn: [a, b]\nfailover: {equivalent: [a, b]}\n', 'failover: {leaky: true}\n')).toContain(
      'CONFIG_LOOSENS',
    );
  });
});
