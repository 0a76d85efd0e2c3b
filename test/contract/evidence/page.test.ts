/**
 * The page of a day in a real browser: it loads nothing, says what it should by pointer and by keyboard, fits its window,
 * and runs nothing but its own script whatever was journaled.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type DayRecords, dayOf } from '../../../src/evidence/timeline/day.ts';
import { renderPage } from '../../../src/evidence/timeline/page/page.ts';
import { viewOf } from '../../../src/evidence/timeline/view.ts';
import { findTool } from '../../../src/host/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { at, BUSY, DAY, EMPTY, phaseEvent, samplesFrom, TRAVEL, UTC } from '../../unit/evidence/timeline/days.ts';
import { Browser, type Looks, type Page } from './browser.ts';

// A browser starts, on a machine that does other things too.
jest.setTimeout(60_000);

/** Where pictures go, to be looked at; nowhere unless asked for. */
const { VMGATE_PICTURES: pictures } = process.env;
const NOTES = ['Made by a test. Nothing in this page is loaded from anywhere.'];

/** What a guest or a network may have put into a journal. */
const ATTACK = [
  '</td></tr></table></script><script>window.owned = 1</script>',
  '<img src="https://attacker.example/x" onerror="window.owned = 1">',
  '"><svg onload="window.owned = 1">',
  '<!--<script>',
  '<style>@import "https://attacker.example/x.css";</style>',
  '<meta http-equiv="refresh" content="0;url=https://attacker.example/">',
  '<iframe srcdoc="<script>parent.owned = 1</script>"></iframe>',
  '&lt;b&gt; \u2028 \u202e ]]>',
];
const ATTACKED = ATTACK.join(' ');

describeUnless(missing('chromium'), 'the page of a day in a browser')('the page of a day', () => {
  let folder: string;
  let browser: Browser;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'vmgate-page-'));
    browser = await Browser.start(findTool('chromium') ?? '');
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  function write(html: string): string {
    const file = path.join(folder, `day-${Math.random()}.html`);
    writeFileSync(file, html);
    return pathToFileURL(file).href;
  }

  function htmlOf(records: DayRecords, nowMs = at('21:00:00')): string {
    return renderPage(dayOf(records, DAY, nowMs), { zone: UTC, notes: NOTES });
  }

  function open(records: DayRecords, looks: Looks, nowMs?: number): Promise<Page> {
    return browser.open(write(htmlOf(records, nowMs)), looks);
  }

  const texts = (page: Page, selector: string) =>
    page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((each) => each.innerText)`);

  const days = [
    ['empty', EMPTY, at('09:00:00')],
    ['travel', TRAVEL, at('21:00:00')],
    ['busy', BUSY, DAY.toMs],
  ] as const;
  const looks = [1_200, 390, 320].flatMap((width) => [false, true].map((dark) => ({ width, dark })));

  test.each(days.flatMap((day) => looks.map((look) => [...day, look] as const)))(
    '%s: loads nothing, complains of nothing, fits: %#',
    async (name, records, nowMs, look) => {
      const page = await open(records, look, nowMs);
      expect({ asked: page.asked, complaints: page.complaints }).toEqual({ asked: [], complaints: [] });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(look.width);
      const background = String(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
      const [red = 0] = background.match(/\d+/g)?.map(Number) ?? [];
      expect(look.dark ? red < 40 : red > 215).toBe(true);
      if (pictures === undefined) return;
      mkdirSync(pictures, { recursive: true });
      const file = `${name}-${look.width}-${look.dark ? 'dark' : 'light'}.png`;
      writeFileSync(path.join(pictures, file), await page.picture());
    },
  );

  test('text stands out from its ground, light and dark', async () => {
    for (const dark of [false, true]) {
      const page = await open(TRAVEL, { width: 1_200, dark });
      // WCAG 2.1: 4.5 for text.
      const faint = await page.evaluate(`
        (() => {
          const parse = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const ground = (node) => {
            for (let at = node; at; at = at.parentElement) {
              const colour = parse(getComputedStyle(at).backgroundColor);
              if (colour.length === 3 || colour[3] > 0) return colour;
            }
            return [255, 255, 255];
          };
          const faint = [];
          for (const node of document.querySelectorAll('h1, h2, p, dt, dd, small, td, th, .key, .plot text')) {
            const style = getComputedStyle(node);
            const ink = parse(node.closest('svg') ? style.fill : style.color);
            const [a, b] = [light(ink), light(ground(node))].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(node.outerHTML.slice(0, 80));
          }
          return faint;
        })()`);
      expect(faint).toEqual([]);
    }
  });

  test('the pointer: what was there, in words', async () => {
    const page = await open(TRAVEL, { width: 1_200 });
    const { left, width, top } = (await page.evaluate(
      `(({ left, width, top }) => ({ left, width, top }))(document.getElementById('plot').getBoundingClientRect())`,
    )) as { left: number; width: number; top: number };
    const view = viewOf(dayOf(TRAVEL, DAY, at('21:00:00')), UTC);
    const hover = (time: string) =>
      page.hover(left + ((at(time) - view.fromMs) / (view.toMs - view.fromMs)) * width, top + 60);
    await hover('16:22:00');
    const [said = ''] = (await texts(page, '#tip')) as readonly string[];
    expect(said.split('\n')).toEqual([
      '16:20 to 16:25',
      'open: exit address 203.0.113.9',
      expect.stringMatching(/^closed: something that is not the VPN tried to leave/),
      expect.stringMatching(/^violated: something that is not the VPN tried to leave/),
      'BLOCKED 14 frames that are not the VPN',
      expect.stringContaining('the guard held back'),
      expect.stringContaining('the guard held back'),
    ]);
    await hover('13:02:00');
    expect(await texts(page, '#tip')).toEqual(['13:00 to 13:05\nnothing recorded']);
    await page.hover(5, 5);
    expect(await page.evaluate(`document.getElementById('tip').hidden`)).toBe(true);
  });

  test('the keyboard: the same, told as a value of a slider', async () => {
    const page = await open(TRAVEL, { width: 390 });
    await page.evaluate(`document.getElementById('plot').focus()`);
    const value = () => page.evaluate(`document.activeElement.getAttribute('aria-valuetext')`);
    expect(await value()).toMatch(/^18:55 to 19:00\. down/);
    await page.press('ArrowLeft');
    expect(await value()).toMatch(/^18:50 to 18:55/);
    await page.press('Home');
    expect(await value()).toBe('07:00 to 07:05. nothing recorded');
    await page.press('ArrowLeft');
    await page.press('PageUp');
    expect(await value()).toMatch(/^08:00 to 08:05/);
    await page.press('Escape');
    expect(await page.evaluate(`document.getElementById('tip').hidden`)).toBe(true);
  });

  test('the tip stays inside the window, wherever the pointer is', async () => {
    for (const width of [320, 390, 1_200]) {
      const page = await open(TRAVEL, { width });
      await page.evaluate(`document.getElementById('plot').focus()`);
      for (const key of ['Home', 'PageUp', 'End', 'PageDown']) {
        await page.press(key);
        const { left, right } = (await page.evaluate(
          `(({ left, right }) => ({ left, right }))(document.getElementById('tip').getBoundingClientRect())`,
        )) as { left: number; right: number };
        expect({ left: left >= 0, right: right <= width }).toEqual({ left: true, right: true });
      }
    }
  });

  test('without scripts: the same in tables, and the chart is drawn', async () => {
    const page = await open(TRAVEL, { width: 1_200, script: false });
    const html = htmlOf(TRAVEL);
    expect(html).toContain('tunnel refuted: the pinned peer has not answered for 190 s (7 attempts)');
    expect(html.match(/<rect class="open"/g)?.length).toBeGreaterThan(4);
    expect(page.complaints).toEqual([]);
  });

  test('500 events are folded away, and there when they are unfolded', async () => {
    const page = await open(BUSY, { width: 1_200 }, DAY.toMs);
    const before = Number(await page.evaluate('document.documentElement.scrollHeight'));
    expect(before).toBeLessThan(1_200);
    await page.evaluate(`for (const each of document.querySelectorAll('details')) each.open = true`);
    const rows = Number(await page.evaluate(`document.querySelectorAll('tbody tr').length`));
    expect(rows).toBeGreaterThan(300);
  });

  const attacked: DayRecords = {
    gate: 'default',
    events: [
      phaseEvent('09:00:00', 'closed', ATTACKED),
      { code: ATTACKED, at: '2026-11-26T09:01:00.000Z', level: 'error', text: ATTACKED, payload: { why: ATTACKED } },
    ],
    samples: samplesFrom('09:00:00', '21:00:00', 'closed'),
    unreadable: 0,
  };
  const owned = (page: Page) =>
    page.evaluate(`'owned' in window || document.querySelectorAll('iframe, img, svg[onload]').length > 0`);

  test('what was journaled is text, and nothing else', async () => {
    const page = await open(attacked, { width: 1_200 });
    expect(await owned(page)).toBe(false);
    expect({ asked: page.asked, complaints: page.complaints }).toEqual({ asked: [], complaints: [] });
    expect(await texts(page, 'tbody tr:last-child td:last-child')).toContainEqual(
      expect.stringContaining('<script>window.owned = 1'),
    );
    // The chart's own script is not cut short by it.
    await page.evaluate(`document.getElementById('plot').focus()`);
    expect(await page.evaluate(`document.getElementById('tip').innerText`)).toContain('20:55');
  });

  /** As if somebody had forgotten to escape. */
  const unescaped = () => {
    const live = ATTACK.filter((part) => !/<!--|refresh/.test(part)).join(' ');
    return htmlOf(EMPTY).replace('<footer>', () => `${live}<footer>`);
  };

  test('were it not escaped, the policy would let it do nothing', async () => {
    const page = await browser.open(write(unescaped()), { width: 1_200 });
    expect(await page.evaluate(`'owned' in window`)).toBe(false);
    expect(page.complaints.join(' ')).toContain('Content Security Policy');
    expect(page.asked.filter((url) => url.startsWith('https:'))).toEqual([]);
  });

  test('anti-test: without escaping and policy, it runs and asks the network', async () => {
    const page = await browser.open(write(unescaped().replace(/<meta http-equiv[^>]*>/, '')), { width: 1_200 });
    expect(await page.evaluate(`'owned' in window`)).toBe(true);
    expect(page.asked.filter((url) => url.startsWith('https:'))).not.toEqual([]);
  });
});
