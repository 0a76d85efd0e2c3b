import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { CATALOG } from '../../../src/cli/catalog.ts';
import { expectGolden } from '../golden.ts';
import { Laptop } from './command-line.ts';

const GOLDEN = path.join(import.meta.dirname, 'golden');
/** Lines of a terminal window of today. */
const SCREEN = 48;

const laptop = new Laptop();
afterAll(() => laptop.clear());

const names = ['', ...Object.keys(CATALOG)];
const fileOf = (name: string) => `${name === '' ? 'vmgate' : name.replaceAll(' ', '-')}.txt`;

describe('help', () => {
  test.each(names)('vmgate %s --help', async (name) => {
    const { exit, stdout, stderr } = await laptop.type(...name.split(' ').filter((word) => word !== ''), '--help');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expectGolden(path.join(GOLDEN, fileOf(name)), stdout);
    expect(stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(SCREEN);
    if (name !== '') expect(stdout).toContain('\nExamples:\n  vmgate');
  });

  test('no golden file is left over', () => {
    const known = names.map(fileOf);
    expect(readdirSync(GOLDEN).filter((file) => !known.includes(file))).toEqual([]);
  });

  test('nothing was touched', () => {
    expect(readdirSync(laptop.home)).toEqual([]);
  });
});

describe('a command line that is wrong', () => {
  test.each([
    { argv: ['strat', 'web'], what: "unknown command 'strat'", next: 'did you mean: vmgate start' },
    { argv: ['vpn', 'ad'], what: "unknown command 'ad'", next: 'did you mean: vmgate vpn add' },
    { argv: ['constructor'], what: "unknown command 'constructor'", next: 'vmgate --help' },
    { argv: ['start'], what: "missing required argument 'NAME'", next: 'vmgate start --help' },
    { argv: ['status', '--wach'], what: "unknown option '--wach'", next: 'did you mean: --watch' },
    { argv: ['completion', 'tcsh'], what: "'tcsh' is invalid", next: 'vmgate completion --help' },
    { argv: ['down', 'web'], what: 'too many arguments', next: 'vmgate down --help' },
    { argv: ['logs', '-n', '0'], what: '--lines "0" is not a count', next: '--lines 100' },
    { argv: ['status', '--gate', '../x'], what: "is no gate's name", next: 'vmgate status' },
  ])('$argv', async ({ argv, what, next }) => {
    const { exit, stderr, stdout } = await laptop.type(...argv);
    expect(exit).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(`error CLI_USAGE: `);
    expect(stderr).toContain(what);
    expect(stderr).toContain(next);
  });

  test('is one object under --json', async () => {
    const { exit, json, stderr } = await laptop.type('strat', '--json');
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: '' });
    expect(json()).toMatchObject([{ error: { code: 'CLI_USAGE', exit: 2 } }]);
  });
});

test('a command that is left out: its help and no more, exit 2; one object under --json', async () => {
  const all = await laptop.type();
  expect(all).toMatchObject({ exit: 2, stdout: '', stderr: (await laptop.type('--help')).stdout });
  const vpn = await laptop.type('vpn');
  expect(vpn).toMatchObject({ exit: 2, stdout: '', stderr: expect.stringMatching(/^Usage: vmgate vpn/) });
  expect(vpn.stderr).not.toContain('error');
  const { json, stderr } = await laptop.type('vpn', '--json');
  expect(stderr).toBe('');
  expect(json()).toMatchObject([{ error: { code: 'CLI_USAGE', remedy: 'vmgate vpn --help' } }]);
});

test('--version, wherever it stands', async () => {
  expect((await laptop.type('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
