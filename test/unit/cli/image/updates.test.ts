/** `vmgate image list --updates`: refusals, and what it says. The real apt is in test/contract/image. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { rebuildCommand, updatesFields, updatesText } from '../../../../src/cli/image/updates.ts';
import type { ListedImage, UpdatesAnswer } from '../../../../src/image/index.ts';
import { expectGolden } from '../../golden.ts';
import { imageOf, putImage } from '../../image/stored.ts';
import { CONFIG, Laptop, report, scripted } from '../command-line.ts';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', CONFIG);
});
afterEach(() => laptop.clear());
const ask = (...more: readonly string[]) => laptop.type('image', 'list', '--updates', ...more);

describe('is refused', () => {
  beforeEach(() => putImage(laptop.layout.images, imageOf('tiny', ['busybox 1'])));

  test('without a gate, with the command that opens one', async () => {
    const { exit, stdout, stderr } = await ask();
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' });
    expect(stderr).toMatch(/GATE_NOT_VERIFIED.*next: vmgate up/s);
  });

  test('by a gate that is not open; nothing is asked of it', async () => {
    const handle = scripted(report({ phase: 'closed', why: 'the tunnel is lost' }));
    await laptop.supervise(handle);
    const [refusal] = (await ask('--json')).json();
    expect(refusal).toMatchObject({ error: { code: 'GATE_NOT_VERIFIED', exit: 4 } });
    expect(handle.asked).toEqual([]);
  });

  test('without the option nobody is asked, and --json is as it was', async () => {
    const { exit, json } = await laptop.type('image', 'list', '--json');
    expect(exit).toBe(0);
    expect(json()).toEqual([{ images: [expect.not.objectContaining({ updates: expect.anything() })] }]);
  });
});

test('no image: nothing is asked, and no gate needed', async () => {
  expect(await ask()).toMatchObject({ exit: 0, stdout: expect.stringContaining('no image yet') });
  expect((await ask('--json')).json()).toEqual([{ images: [], suites: [] }]);
});

describe('says', () => {
  const golden = (name: string) => path.join(import.meta.dirname, 'golden', name);
  const listed = (image: ReturnType<typeof imageOf>): ListedImage => ({ ...image, current: true });
  const gateway = listed(
    imageOf('gateway', ['busybox 1:1.37.0-6', 'openvpn 2.6.14-1', 'linux-image-6.12.41 6.12.41-1']),
  );
  const tiny = listed(imageOf('tiny', ['busybox 1:1.37.0-6'], 'arm64'));
  const packages = [
    { name: 'busybox', version: '1:1.37.0-6', known: '1:1.37.0-6+deb13u1', security: true },
    { name: 'openvpn', version: '2.6.14-1', known: '2.6.14-1+deb13u1', security: false },
  ];
  const suites = (security: boolean): UpdatesAnswer['suites'] => [
    { suite: 'trixie', arch: 'amd64', answered: true },
    { suite: 'trixie-security', arch: 'amd64', answered: security },
  ];
  const whole: UpdatesAnswer = {
    suites: suites(true),
    evidence: [],
    images: new Map([
      [gateway.digest, { packages, unlisted: ['linux-image-6.12.41'], complete: true }],
      [tiny.digest, { packages: [], unlisted: [], complete: true }],
    ]),
  };
  const half: UpdatesAnswer = {
    suites: suites(false),
    evidence: ['E: Failed to fetch \u001b[2J trixie-security'],
    images: new Map([
      [gateway.digest, { packages: packages.slice(1), unlisted: [], complete: false }],
      [tiny.digest, { packages: [], unlisted: [], complete: false }],
    ]),
  };

  test.each([
    { name: 'whole', answer: whole },
    { name: 'half', answer: half },
  ])('$name', ({ name, answer }) => {
    expectGolden(golden(`${name}.txt`), `${updatesText([gateway, tiny], answer)}\n`);
    const fields = [gateway, tiny].map((image) => updatesFields(image, answer));
    expectGolden(golden(`${name}.json`), `${JSON.stringify(fields, undefined, 2)}\n`);
  });

  test('nothing current of half an answer, and nothing raw of apt’s words', () => {
    const text = updatesText([gateway, tiny], half);
    expect(text).toContain('at least 1 update');
    expect(text).not.toContain('no update known');
    expect(text).not.toContain('\u001b');
  });

  test('of an image that was not asked about: null', () => {
    expect(updatesFields(listed(imageOf('lab', [])), whole)).toBeNull();
  });

  test('of an image that lists no packages: that, and no zero', () => {
    const bare = listed(imageOf('lab', []));
    const nothing = { packages: [], unlisted: [], complete: false };
    const text = updatesText([bare], { suites: suites(true), evidence: [], images: new Map([[bare.digest, nothing]]) });
    expect(text).toContain('lab (amd64): it lists no packages, so nothing is known');
  });

  test('how to build it anew, for its own architecture', () => {
    expect(rebuildCommand(tiny, 'amd64')).toBe('vmgate image build tiny --arch arm64');
    expect(rebuildCommand(gateway, 'amd64')).toBe('vmgate image build gateway');
  });
});
