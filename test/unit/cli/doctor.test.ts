import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { clockFinding, swapFinding } from '../../../src/cli/doctor/machine.ts';
import { screenFindings } from '../../../src/cli/doctor/screens.ts';
import { isTooOld, OLDEST_NODE } from '../../../src/cli/oldest-node.ts';

test.each([
  ['20.18.9', true],
  ['18.20.0', true],
  ['20.19.0', false],
  ['22.1.0', false],
])('Node %s is too old: %s', (version, tooOld) => {
  expect(isTooOld(version)).toBe(tooOld);
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${OLDEST_NODE}.0`);
});

describe('the doctor judges', () => {
  test.each([
    ['1970-01-01T00:00:00Z', 'wrong'],
    ['2101-01-01T00:00:00Z', 'wrong'],
    ['2027-06-01T00:00:00Z', 'ok'],
  ])('a clock that shows %s: %s', (shown, state) => {
    expect(clockFinding(Date.parse(shown))).toMatchObject({ state });
  });

  const HEADING = 'Filename\tType\tSize\tUsed\tPriority\n';
  test.each([
    ['', 'ok'],
    [HEADING, 'ok'],
    [`${HEADING}/dev/zram0  partition  1  0  100\n`, 'ok'],
    [`${HEADING}/dev/sda2  partition  1  0  -2\n`, 'note'],
    [`${HEADING}/dev/zram0 partition 1 0 100\n/swapfile file 1 0 -2\n`, 'note'],
  ])('swap %j: %s', (proc, state) => {
    expect(swapFinding(proc)).toMatchObject({ state });
  });
});

describe('screens', () => {
  const means = (window: boolean, viewer?: string) => ({
    canOpenWindows: async () => window,
    viewer: async () => viewer,
  });

  test('are not looked at where no work VM has one', async () => {
    await expect(screenFindings(new Set(['none'] as const), means(false))).resolves.toEqual([]);
  });

  test('a window that this QEMU cannot open is wrong, and says what to install', async () => {
    const [finding] = await screenFindings(new Set(['window'] as const), means(false));
    expect(finding).toMatchObject({ id: 'window', state: 'wrong' });
    expect(finding?.fix).toMatch(/qemu|package manager/);
    const [fine] = await screenFindings(new Set(['window'] as const), means(true));
    expect(fine).toMatchObject({ id: 'window', state: 'ok' });
  });

  test('a missing viewer is a note: a picture and --print do without', async () => {
    const [finding] = await screenFindings(new Set(['none', 'vnc'] as const), means(true));
    expect(finding).toMatchObject({ id: 'viewer', state: 'note' });
    const [fine] = await screenFindings(new Set(['vnc'] as const), means(true, '/usr/bin/vncviewer'));
    expect(fine).toMatchObject({ id: 'viewer', state: 'ok', what: '/usr/bin/vncviewer' });
  });
});
