import path from 'node:path';
import { expect, test } from '@jest/globals';
import { drillText, listText } from '../../../src/drill/drill-text.ts';
import { drillPage } from '../../../src/drill/page.ts';
import { expectGolden } from '../golden.ts';
import { goodReport, mixedReport } from './drill-reports.ts';

const golden = (name: string) => path.join(import.meta.dirname, 'golden', name);
const MADE = { made: 'Made by vmgate 0.1.0 at 2026-11-26 11:00:00 UTC.' };

test.each([
  ['good', goodReport()],
  ['mixed', mixedReport()],
])('%s: text, object, page', (name, report) => {
  expectGolden(golden(`${name}.txt`), `${drillText(report)}\n`);
  expectGolden(golden(`${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
  expectGolden(golden(`${name}.html`), drillPage(report, MADE));
});

test('the list', () => {
  expectGolden(golden('list.txt'), `${listText()}\n`);
});

test('nothing of a gate is markup, and the page loads nothing', () => {
  const page = drillPage(mixedReport(), MADE);
  expect(page).not.toContain('<b>open</b>');
  expect(page).toContain('&lt;b&gt;open&lt;/b&gt;');
  expect(page).not.toContain('\x1b');
  expect(page).not.toMatch(/<script|\s(?:src|href)=|url\(|@import/);
  expect(page).toContain("default-src 'none'");
});
