import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { withholdMemoryFromCoreDumps } from '../../../src/host/index.ts';
import { testUnless } from '../../obstacle.ts';
import { sources } from '../house/sources.ts';

const FILTER = '/proc/self/coredump_filter';

const obstacle = existsSync(FILTER) ? undefined : `no ${FILTER}`;

testUnless(obstacle, 'memory in core files')('this process and those it starts have none in a core file', () => {
  const before = readFileSync(FILTER, 'utf8');
  try {
    withholdMemoryFromCoreDumps();
    expect(Number.parseInt(readFileSync(FILTER, 'utf8'), 16)).toBe(0);
    const script = `process.stdout.write(require('node:fs').readFileSync('${FILTER}', 'utf8'))`;
    const childs = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', env: {} });
    expect(Number.parseInt(childs, 16)).toBe(0);
  } finally {
    writeFileSync(FILTER, `0x${before.trim()}`);
  }
});

test('a system without the filter is no error, and gets no file', () => {
  withholdMemoryFromCoreDumps('/nowhere/coredump_filter');
  expect(existsSync('/nowhere/coredump_filter')).toBe(false);
});

test('a supervisor, which holds the keys, does so before anything else', () => {
  const text = sources().find(({ file }) => file === 'src/supervisor/process.ts')?.text ?? '';
  const at = (call: string) => text.lastIndexOf(call);
  expect(at('withholdMemoryFromCoreDumps();')).toBeGreaterThan(0);
  expect(at('withholdMemoryFromCoreDumps();')).toBeLessThan(at('Supervisor.start('));
});
