/** Ctrl-C at each question of `vmgate init`, on a terminal: 130, and everything is as it was. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { packageFile } from '../../../src/host/index.ts';
import { describeUnless } from '../../obstacle.ts';
import { Typist, whyNoTypist } from '../../system/hands/typist.ts';
import { Laptop, PROFILE } from '../../unit/cli/command-line.ts';

jest.setTimeout(120_000);

const ENTER = '\r';
const DOWN = '\x1b[B';
const CTRL_C = '\x03';
const BEFORE = 'version: 1\nvpn: before\nwork: {web: {template: tiny}}\n';

/** What the screen shows, and what is typed then. */
type Answer = readonly [question: RegExp, keys: string];

const PROFILE_FILE: Answer = [/Profile from your provider/, PROFILE + ENTER];
const TINY: Answer = [/What does the work VM boot\?/, ENTER];
const DISK: Answer = [/What does the work VM boot\?/, DOWN + ENTER];
const URL_OF_EXIT: Answer = [/URL that answers with your address/, `https://ip.example.org/${ENTER}`];

describeUnless(whyNoTypist(), 'what is typed on a terminal')('Ctrl-C at a question of init', () => {
  let laptop: Laptop;
  let typist: Typist | undefined;
  beforeEach(() => {
    laptop = new Laptop();
  });
  afterEach(() => {
    typist?.leave();
    laptop.clear();
  });

  const begin = (...more: readonly string[]) => {
    const argv = [process.execPath, packageFile('dist/main.js'), 'init', ...more];
    typist = new Typist(argv, laptop.project, { VMGATE_HOME: laptop.home });
    return typist;
  };

  const profiles = () => readdirSync(laptop.layout.vpn);

  async function interrupted(answers: readonly Answer[], question: RegExp, ...more: readonly string[]): Promise<void> {
    const at = begin(...more);
    for (const [asked, keys] of answers) {
      await at.see(asked);
      at.type(keys);
    }
    await at.see(question);
    at.type(CTRL_C);
    expect(await at.end()).toBe(130);
    expect(at.screen()).toContain('error CLI_INTERRUPTED: interrupted at a question; nothing was changed');
    expect(profiles()).toEqual([]);
  }

  test.each<[string, readonly Answer[], RegExp]>([
    ['the profile', [], /Profile from your provider/],
    ['what the work VM boots', [PROFILE_FILE], /What does the work VM boot\?/],
    ['its disk', [PROFILE_FILE, DISK], /Disk image:/],
    ['the exit', [PROFILE_FILE, TINY], /URL that answers with your address/],
    ['its addresses', [PROFILE_FILE, TINY, URL_OF_EXIT], /Addresses it must answer/],
  ])('%s: nothing is written, no profile is added', async (_, answers, question) => {
    await interrupted(answers, question);
    expect(readdirSync(laptop.project)).toEqual([]);
  });

  test('with --force, the vmgate.yaml that was there stays', async () => {
    laptop.write('vmgate.yaml', BEFORE);
    await interrupted([PROFILE_FILE, TINY, URL_OF_EXIT], /Addresses it must answer/, '--force');
    expect(laptop.read('vmgate.yaml')).toBe(BEFORE);
    expect(readdirSync(laptop.project)).toEqual(['vmgate.yaml']);
  });

  test('anti-test: with every answer both are written', async () => {
    const at = begin();
    for (const [asked, keys] of [PROFILE_FILE, TINY, [/URL that answers/, ENTER] as const]) {
      await at.see(asked);
      at.type(keys);
    }
    expect(await at.end()).toBe(0);
    expect(readdirSync(laptop.project)).toContain('vmgate.yaml');
    expect(profiles()).toEqual([path.basename(PROFILE, '.conf')]);
  });
});
