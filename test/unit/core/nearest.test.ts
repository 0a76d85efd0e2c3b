import { expect, test } from '@jest/globals';
import { nearest } from '../../../src/core/nearest.ts';

test('did you mean', () => {
  const known = ['version', 'gate', 'vpn', 'verify', 'work'];
  expect(nearest('verfy', known)).toBe('verify');
  expect(nearest('wrok', known)).toBe('work');
  expect(nearest('GATE', known)).toBe('gate');
  expect(nearest('elephant', known)).toBeUndefined();
});
