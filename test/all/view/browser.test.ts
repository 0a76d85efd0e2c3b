/**
 * The browser work VM, from `display` to the page: it boots to a page that is fetched through the tunnel, and a picture of
 * its screen shows it. BROWSER_PICTURE=FILE keeps the picture, for a person's own look.
 */
import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { buildImage, upToDateImage } from '../../../src/image/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { foreignFrames, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll, stageImages } from '../../system/leaks/stage.ts';
import { type Picture, readPicture } from './picture.ts';
import { knock } from './rfb.ts';

/** A whole Debian and Firefox on translated instructions, on a machine that others use too. */
const PAGE_MS = 600_000;
jest.setTimeout(PAGE_MS + 200_000);

const NAME = 'web';
const PAGE = `http://${LAB.siteName}/page`;

let stage: Stage;
stageForAll(
  async () => {
    const images = await stageImages();
    const { arch } = hostPlatform();
    if ((await upToDateImage(images, 'browser', arch)) === undefined)
      await buildImage('browser', arch, { imagesFolder: images });
    return {
      attachment: 'wire',
      config: `version: 1\nvpn: lab\nwork: {${NAME}: {template: browser, browser: {homePage: "${PAGE}"}}}\n`,
    };
  },
  (opened) => {
    stage = opened;
  },
);

/**
 * A translated Firefox takes what processors there are, and a gate whose gateway does not get to answer closes until it
 * does: that is no failure here, and the VM stays.
 */
async function insist(...args: readonly string[]): Promise<string> {
  let out = '';
  await until(
    `vmgate ${args.join(' ')}`,
    async () => {
      const { code, stdout } = await stage.vmgate(args);
      out = stdout;
      return code === 0;
    },
    PAGE_MS,
  );
  return out.trim();
}

const inside = (line: string): Promise<string> => insist('ssh', NAME, '--', line);

/** A page that was cut off half-way is not asked for again by itself. */
async function reload(): Promise<void> {
  const seen = await knock({ path: path.join(stage.gate.work(NAME), 'screen.sock') });
  if (seen.outcome !== 'in') return;
  seen.screen.type([F5]);
  seen.screen.close();
}
const F5 = 0xffc2;
const RELOAD_MS = 45_000;
/** A look takes of the processors that the browser wants. */
const LOOK_MS = 4_000;

async function picture(): Promise<Picture> {
  const file = path.join(stage.gate.folder, 'screen.png');
  expect(await vmgate(stage, 'view', NAME, '--screenshot', file)).toMatchObject({ code: 0 });
  const keep = process.env['BROWSER_PICTURE'];
  if (keep !== undefined) copyFileSync(file, keep);
  return readPicture(readFileSync(file));
}

/** The page is green, and there is no other green on the screen. */
const greenOf = (seen: Picture) => seen.count((red, green, blue) => red < 8 && blue < 8 && Math.abs(green - 170) < 8);

test('boots to its home page, through the tunnel, as large as the screen', async () => {
  await insist('up');
  await insist('start', NAME);
  let seen: Picture | undefined;
  let next = performance.now() + 2 * RELOAD_MS;
  await until(
    'the page is on the screen',
    async () => {
      await delay(LOOK_MS);
      seen = await picture();
      if (greenOf(seen) > 0) return true;
      if (performance.now() > next && (await statusOf(stage)).phase === 'open') {
        next = performance.now() + RELOAD_MS;
        await reload();
      }
      return false;
    },
    PAGE_MS,
  );
  if (seen === undefined) throw new Error('no picture');
  expect([seen.width, seen.height]).toEqual([1_280, 800]);
  // All of it but the bar in which an address is typed.
  expect(greenOf(seen)).toBeGreaterThan(0.7 * 1_280 * 800);
  const asked = await stage.lab.httpLog();
  expect(asked.filter(({ path: page }) => page === '/page').map(({ source }) => source)).toContain(LAB.exit);
  expect(asked.filter(({ source }) => source !== LAB.exit)).toEqual([]);
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('nothing runs on the screen but the browser, as somebody without rights, and its profile is in RAM', async () => {
  expect((await statusOf(stage)).work).toMatchObject([{ name: NAME, display: 'vnc' }]);
  const [browser = ''] = (await inside('ps -o user=,args= -C firefox-esr')).split('\n');
  expect(browser).toMatch(/^web\b/);
  expect(browser).toContain('--profile /run/vmgate-browser/profile');
  expect(await inside('findmnt -n -o FSTYPE -T /run/vmgate-browser/profile')).toBe('tmpfs');
  // Whoever closes it gets it back, and no console to type into.
  expect(await inside('systemctl is-active vmgate-browser; pgrep -c agetty || true')).toBe('active\n0');
});

test('a profile is gone with the VM', async () => {
  await inside('touch /run/vmgate-browser/profile/mark');
  await insist('stop', NAME);
  await insist('start', NAME);
  await expect(inside('ls /run/vmgate-browser/profile/mark 2>&1 || true')).resolves.toContain('No such file');
});
