import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { loadConfig, type WorkConfig } from '../../../src/config/index.ts';
import { temporaryFolders } from '../home/temp-folder.ts';

const temporary = temporaryFolders();

function workVm(entry: string): WorkConfig | undefined {
  const folder = temporary();
  writeFileSync(path.join(folder, 'vmgate.yaml'), `version: 1\nvpn: office\nwork: {web: ${entry}}\n`);
  return loadConfig(folder, '/no/home').config.work[0];
}

test.each([
  ['no screen unless said', '{template: tiny}', 'none'],
  ['VNC', '{template: tiny, display: vnc}', 'vnc'],
  ['a window', '{disk: ./d.qcow2, display: window}', 'window'],
  ['a browser has one', '{template: browser}', 'vnc'],
  ['but where it is said to have none', '{template: browser, display: none}', 'none'],
])('%s', (_, entry, display) => {
  expect(workVm(entry)?.display).toBe(display);
});

test.each([
  ['{template: browser}', { homePage: undefined, keepProfile: false }],
  ['{template: browser, browser: {homePage: "about:blank"}}', { homePage: 'about:blank', keepProfile: false }],
  [
    '{template: browser, browser: {homePage: "http://10.1.2.3/", keepProfile: true}}',
    { homePage: 'http://10.1.2.3/', keepProfile: true },
  ],
  ['{template: debian}', undefined],
])('%s', (entry, browser) => {
  expect(workVm(entry)?.setUp?.browser).toEqual(browser);
});

test('what a browser does is said of a browser alone', () => {
  const entry = '{template: tiny, browser: {homePage: "https://www.example.org/"}}';
  expect(() => workVm(entry)).toThrow('has browser, which belongs to template: browser');
});
