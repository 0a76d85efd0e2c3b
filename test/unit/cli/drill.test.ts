import { afterAll, describe, expect, test } from '@jest/globals';
import { CASES } from '../../../src/drill/index.ts';
import { Laptop } from './command-line.ts';

const laptop = new Laptop();
afterAll(() => laptop.clear());

describe('vmgate drill refuses before anything boots', () => {
  test.each([
    { argv: ['dsn'], code: 'DRILL_UNKNOWN_CASE', next: 'did you mean: vmgate drill dns' },
    { argv: ['dns', 'nope-nope'], code: 'DRILL_UNKNOWN_CASE', next: 'vmgate drill --list' },
    { argv: ['48'], code: 'DRILL_NOT_HERE', next: 'vmgate drill --list' },
    { argv: ['--html', 'no/such/folder/x.html'], code: 'CLI_USAGE', next: 'name a new file' },
    { argv: ['--cycles', '0'], code: 'CLI_USAGE', next: '--cycles 100' },
    { argv: ['--cycles', '5', 'dns'], code: 'CLI_USAGE', next: 'vmgate drill --cycles 200' },
    { argv: ['--cycles', '5', '--lanes', 'x'], code: 'CLI_USAGE', next: '--lanes 100' },
    { argv: ['--lanes', '2'], code: 'CLI_USAGE', next: 'vmgate drill --cycles 200 --lanes N' },
    { argv: ['dns', '--anti', '0'], code: 'CLI_USAGE', next: 'vmgate drill --cycles 200 --anti N' },
    { argv: ['--seed', '7'], code: 'CLI_USAGE', next: 'vmgate drill --cycles 200 --seed N' },
    { argv: ['--cycles', '--html', 'x.html'], code: 'CLI_USAGE', next: 'vmgate drill --cycles 200 --json' },
    { argv: ['--list', '--html', 'x.html'], code: 'CLI_USAGE', next: 'vmgate drill --list' },
    { argv: ['--list', '--cycles', '5'], code: 'CLI_USAGE', next: 'vmgate drill --list' },
    { argv: ['--list', 'dns'], code: 'CLI_USAGE', next: 'vmgate drill --list' },
  ])('$argv: exit 2', async ({ argv, code, next }) => {
    const { exit, stdout, stderr } = await laptop.type('drill', ...argv);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain(`error ${code}: `);
    expect(stderr).toContain(next);
  });

  test('a page that is there already is left as it is', async () => {
    const file = laptop.write('kept.html', 'mine');
    const { exit, stderr } = await laptop.type('drill', 'dns', '--html', file);
    expect(exit).toBe(2);
    expect(stderr).toContain('is there already');
    expect(laptop.read('kept.html')).toBe('mine');
  });

  test('a vmgate.yaml that is wrong', async () => {
    laptop.write('vmgate.yaml', 'version: 1\nvpn: home\nwrok: {}\n');
    const { exit, stderr } = await laptop.type('drill', 'dns');
    expect(exit).toBe(2);
    expect(stderr).toContain('wrok');
  });
});

test('options may stand behind cases', async () => {
  const { exit, json } = await laptop.type('drill', 'nope-nope', '--json');
  expect(exit).toBe(2);
  expect(json()).toMatchObject([{ error: { code: 'DRILL_UNKNOWN_CASE' } }]);
});

test('--list: a line for each case, and one object under --json', async () => {
  const { exit, stdout } = await laptop.type('drill', '--list');
  expect(exit).toBe(0);
  for (const { name } of CASES) expect(stdout).toMatch(new RegExp(`^[\\d, ]+ +${name} `, 'm'));
  expect(stdout).toContain('\nnot here:\n');
  const { json } = await laptop.type('drill', '--list', '--json');
  expect(json()).toMatchObject([{ cases: expect.any(Array), notHere: expect.any(Array) }]);
});
