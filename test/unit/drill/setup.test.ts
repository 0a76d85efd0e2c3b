import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { type Config, loadConfig } from '../../../src/config/index.ts';
import { type Setup, setupFrom } from '../../../src/drill/setup.ts';
import { LAB } from '../../../src/lab/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-setup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As a gate would read it. */
function read(text: string): Config {
  writeFileSync(path.join(folder, 'vmgate.yaml'), text);
  return loadConfig(folder, folder).config;
}
const drilled = (setup: Setup) => read(setup.config);

test('without a vmgate.yaml: the exit is known, and there is a neighbour', () => {
  const setup = setupFrom(undefined);
  const { verify, work, vpn, notify } = drilled(setup);
  expect({ vpn, notify }).toEqual({ vpn: ['lab'], notify: false });
  expect(verify.exit?.expect).toEqual({ kind: 'address', prefixes: [`${LAB.exit}/32`] });
  expect(work.map(({ name }) => name)).toEqual(['workvm', 'other']);
  expect(setup.workVms).toEqual(['workvm', 'other']);
});

test('what is verified, how often, and what a close does are as in the file; its names and its VPN are not', () => {
  const own = read(`version: 1
vpn: acme
verify: {every: 20s, maxAge: 90s, exit: {url: "https://secret.acme.example/ip", expect: {json: {ok: true}}}}
work:
  bank: {template: tiny, onLoss: pause}
  dev: {template: tiny, onLoss: stop}
  more: {template: tiny}
`);
  const setup = setupFrom(own);
  const { verify, work } = drilled(setup);
  expect(verify).toMatchObject({ everyMs: 20_000, maxAgeMs: 90_000, exit: { expect: { kind: 'json' } } });
  expect(work.map(({ name, onLoss }) => [name, onLoss])).toEqual([
    ['workvm', 'pause'],
    ['other', 'block'],
    ['third', 'block'],
  ]);
  expect(setup.config).not.toMatch(/acme|bank/);
  expect(setup.notes.join('\n')).toMatch(
    /your own profiles \(acme\) were not opened[\s\S]*onLoss: stop is drilled as block/,
  );
});

test('no exit in the file: none is expected, the claim is a round trip', () => {
  const own = read('version: 1\nvpn: acme\nwork: {dev: {template: tiny}}\n');
  expect(drilled(setupFrom(own)).verify.exit).toBeUndefined();
});

test('more work VMs than a drill has', () => {
  const work = Array.from({ length: 6 }, (_, index) => `  vm${index}: {template: tiny}`).join('\n');
  const setup = setupFrom(read(`version: 1\nvpn: acme\nwork:\n${work}\n`));
  expect(setup.workVms).toHaveLength(4);
  expect(setup.notes.join('\n')).toContain('4 of your 6 work VMs');
});
