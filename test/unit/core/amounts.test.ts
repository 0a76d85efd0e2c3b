import { expect, test } from '@jest/globals';
import { bytesText, countText, spanText } from '../../../src/core/amounts.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [1_240, '1.2 kB'],
  [99_600, '100 kB'],
  [340_000_000, '340 MB'],
  [999_600, '1.0 MB'],
  [1_234_000_000, '1.2 GB'],
  [9e18, '9000 PB'],
  [-5, '0 B'],
])('%d bytes: %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test.each([
  [0, '0 s'],
  [42_900, '42 s'],
  [60_000, '1 min'],
  [3_599_000, '59 min'],
  [3_600_000, '1 h'],
  [7_980_000, '2 h 13 min'],
  [273_600_000, '3 d 4 h'],
  [-1, '0 s'],
])('%d ms: %s', (ms, text) => {
  expect(spanText(ms)).toBe(text);
});

test.each([
  [0, '0 frames'],
  [1, '1 frame'],
  [999, '999 frames'],
  [1_234_567, '1,234,567 frames'],
])('%d: %s', (count, text) => {
  expect(countText(count, 'frame')).toBe(text);
});
