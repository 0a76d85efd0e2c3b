/**
 * Every Node that is supported: the unit tests, the command line, and a whole life of a gate whose supervisor and guard
 * run on it too. Takes minutes.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import * as z from 'zod';
import { homeRoot } from '../../../src/home/index.ts';
import { type RunResult, run } from '../../../src/host/index.ts';
import { compileProgram, type Program, stageImages } from '../../system/leaks/stage.ts';
import { nodeReleases } from './node-releases.ts';

jest.setTimeout(600_000);

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
const LOOK_AGAIN_MS = 250;
const { version, engines } = JSON.parse(await readFile(path.join(CHECKOUT, 'package.json'), 'utf8'));
const report = z.object({
  numPassedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

let program: Program;
let folder: string;
beforeAll(async () => {
  program = await compileProgram();
  folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-node-'));
  await stageImages();
});
afterAll(async () => {
  await program?.remove();
  await rm(folder, { recursive: true, force: true });
});

const releases = nodeReleases();

test('the first is the oldest that package.json allows', async () => {
  const lock = JSON.parse(await readFile(new URL('./nodes/package-lock.json', import.meta.url), 'utf8'));
  const oldest = releases.map(({ major }) => lock.packages[`node_modules/linux-x64-${major}`].version).at(0);
  expect(engines.node).toBe(`>=${oldest}`);
});

for (const { major, binary, obstacle } of releases) {
  if (binary === undefined) {
    process.stderr.write(`Node ${major} is not tried: ${obstacle}\n`);
    describe.skip(`Node ${major} (not here: ${obstacle})`, () => {
      test('runs a gate', () => {});
    });
    continue;
  }
  const vmgate = (args: readonly string[], home = homeRoot()): Promise<RunResult> =>
    run({
      tool: binary,
      argv: [path.join(program.dist, 'main.js'), ...args],
      timeoutMs: 300_000,
      env: { VMGATE_HOME: home },
    });

  describe(`Node ${major}`, () => {
    test('is the version it is taken for', async () => {
      const { stdout } = await run({ tool: binary, argv: ['--version'], timeoutMs: 30_000 });
      process.stderr.write(`Node ${major} is ${stdout}`);
      expect(stdout).toMatch(new RegExp(`^v${major}\\.`));
    });

    test('passes the unit tests', async () => {
      const file = path.join(folder, `${major}.json`);
      const jest = path.join(CHECKOUT, 'node_modules', 'jest', 'bin', 'jest.js');
      const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
      const argv = [...flags, jest, 'test/unit', '--silent', '--json', `--outputFile=${file}`];
      // How it ended is in the report: a failure that is told by its name is worth more than a status.
      await promisify(execFile)(binary, argv, { cwd: CHECKOUT, maxBuffer: 256 << 20 }).catch(() => undefined);
      const { numPassedTests, testResults } = report.parse(JSON.parse(await readFile(file, 'utf8')));
      const failed = testResults.flatMap(({ name, status, message, assertionResults }) => {
        const names = assertionResults.filter((each) => each.status === 'failed').map(({ fullName }) => fullName);
        return status === 'failed' && names.length === 0 ? [`${name}: ${message}`] : names;
      });
      expect(failed).toEqual([]);
      process.stderr.write(`Node ${major}: ${numPassedTests} unit tests passed\n`);
      expect(numPassedTests).toBeGreaterThan(1_000);
    });

    test('answers on the command line, without a warning of its own', async () => {
      const home = path.join(folder, `home-${major}`);
      expect(await vmgate(['--version'], home)).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
      expect(await vmgate(['--help'], home)).toMatchObject({ code: 0, stderr: '' });
      const status = await vmgate(['status', '--json'], home);
      expect(status).toMatchObject({ code: 2, stderr: '' });
      expect(JSON.parse(status.stdout)).toMatchObject({ error: { code: 'CONFIG_MISSING' } });
    });

    test('runs a whole life of a gate, supervisor and guard on it too', async () => {
      const roles = new Set<string>();
      const strangers = new Set<string>();
      const look = async () => {
        const { stdout } = await run({ tool: 'ps', argv: ['-A', '-ww', '-o', 'args='], timeoutMs: 10_000 });
        for (const args of stdout.split('\n').filter((line) => line.includes(program.dist))) {
          if (!args.startsWith(binary)) strangers.add(args);
          const role = /\/dist\/(\S+)/.exec(args)?.[1];
          if (role !== undefined) roles.add(role);
        }
      };
      let watching = true;
      const watch = (async () => {
        while (watching) {
          await look();
          await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
        }
      })();
      const demo = await vmgate(['demo', '--json']);
      watching = false;
      await watch;
      expect({ code: demo.code, told: demo.code === 0 ? '' : demo.stderr }).toEqual({ code: 0, told: '' });
      expect(demo.stdout).toContain('observed');
      expect([...roles]).toEqual(expect.arrayContaining(['main.js', 'lab/supervisor-main.js', 'guard/main.js']));
      expect([...strangers]).toEqual([]);
    });
  });
}
