import { expect, test } from '@jest/globals';
import { nameFrom } from '../../../../src/cli/init/answers.ts';

test.each([
  ['wg0.conf', 'wg0'],
  ['/downloads/Acme VPN (2).conf', 'acme-vpn-2'],
  ['acme.ovpn', 'acme'],
  ['Office.mobileconfig', 'office'],
  ['office.SSWAN', 'office'],
  ['office.yaml', 'office'],
  ['vpn.acme.example', 'vpn-acme-example'],
  ['.conf', 'vpn'],
])('the profile of %s is called %s unless said', (file, name) => {
  expect(nameFrom(file)).toBe(name);
});
