import { describe, expect, test } from '@jest/globals';
import { clockFinding, nodeFinding, swapFinding } from '../../../src/cli/doctor/machine.ts';

describe('the doctor judges', () => {
  test.each([
    ['20.18.9', 'wrong'],
    ['18.20.0', 'wrong'],
    ['20.19.0', 'ok'],
    ['22.1.0', 'ok'],
  ])('Node %s: %s', (version, state) => {
    expect(nodeFinding(version)).toMatchObject({ state });
  });

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
