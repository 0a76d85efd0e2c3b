/**
 * The whole command, as a user types it: some cases of each kind, at a gate after a vmgate.yaml of its own. Every case at once
 * takes minutes and is what `vmgate drill` is for.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { DrillReport } from '../../../src/drill/index.ts';
import { layoutOf } from '../../../src/home/index.ts';
import { processes } from '../../../src/lab/index.ts';
import { compileProgram, type Program, stageImages } from '../../system/leaks/stage.ts';

const CASES = ['dns', 'link-layer', 'webrtc', 'late-close', 'gateway-owned', 'server-killed', 'guard-killed', '24'];
/** Four minutes on two busy cores. */
const PATIENCE_MS = 15 * 60_000;
jest.setTimeout(PATIENCE_MS);

let program: Program;
let home: string;
beforeAll(async () => {
  program = await compileProgram();
  home = await mkdtemp(path.join(os.tmpdir(), 'vmg-drilled-'));
  await symlink(await stageImages(), layoutOf(home).images);
  const own = 'version: 1\nvpn: nobody\nverify: {every: 10s}\nwork: {dev: {template: tiny, onLoss: pause}}\n';
  await writeFile(path.join(home, 'vmgate.yaml'), own);
}, PATIENCE_MS);
afterAll(async () => {
  await program?.remove();
  await rm(home, { recursive: true, force: true });
});

test('nothing leaks, everything would have been seen, nothing is left', async () => {
  const page = path.join(home, 'drill.html');
  const argv = [path.join(program.dist, 'main.js'), 'drill', ...CASES, '--json', '--html', page];
  const env = { ...process.env, VMGATE_HOME: home };
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: home, env, maxBuffer: 16_777_216 });
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const report = lines.at(-1) as DrillReport & { readonly fault: unknown; readonly written: string };
  expect(report.cases.filter(({ outcome }) => outcome !== 'held')).toEqual([]);
  expect(report).toMatchObject({ outcome: 'held', fault: null, written: page });
  expect(report.cases.map(({ name }) => name)).toEqual([...CASES.slice(0, -1), 'network-changed']);
  expect(report.setup.join('\n')).toContain('your own profiles (nobody) were not opened');
  for (const { name, bare } of report.cases) expect([name, (bare?.leaked ?? 0) > 0]).toEqual([name, true]);
  expect(lines.filter((line) => (line as { code?: string }).code === 'DRILL_TRIED')).toHaveLength(2 * CASES.length);
  expect(readFileSync(page, 'utf8')).toContain('Nothing leaked');
  expect((await processes()).filter(({ args }) => args.includes(program.dist))).toEqual([]);
  // The user's own home holds no gate that it did not hold before.
  expect(readdirSync(path.join(home, 'gates'))).toEqual([]);
});
