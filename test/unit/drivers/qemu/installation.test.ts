import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CodedEvent } from '../../../../src/core/coded.ts';
import { Installation, type InstallationOptions } from '../../../../src/drivers/qemu/installation.ts';
import type { Run, RunRequest, RunResult } from '../../../../src/host/index.ts';

/** A QEMU that is asked for its version, or to run the probe guest. */
interface FakeQemu {
  readonly version?: string;
  readonly sandbox?: boolean;
  readonly probe?: Partial<RunResult>;
}

function fakeRun({ version = '7.2.22', sandbox = true, probe = { code: 1 } }: FakeQemu, asked: RunRequest[] = []): Run {
  return async (request) => {
    asked.push(request);
    const { argv } = request;
    const answer = (result: Partial<RunResult>): RunResult => ({
      code: 0,
      signal: undefined,
      stdout: '',
      stderr: '',
      timedOut: false,
      aborted: false,
      overflowed: false,
      durationMs: 1,
      argv,
      ...result,
    });
    if (!argv.includes('--version')) return answer(probe);
    if (argv.includes('-sandbox') && !sandbox) return answer({ code: 1, stderr: 'sandbox support is not enabled' });
    return answer({ stdout: `QEMU emulator version ${version} (Debian 1:x)\nCopyright\n` });
  };
}

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'vmgate-inst-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function installation(qemu: FakeQemu, options: InstallationOptions = {}, asked: RunRequest[] = []): Installation {
  return new Installation({ run: fakeRun(qemu, asked), forcedAccel: 'tcg', ...options });
}

test('binary, version and sandbox are found, once', async () => {
  const asked: RunRequest[] = [];
  const qemu = installation({}, {}, asked);
  const found = await qemu.find('amd64');
  expect(found).toMatchObject({ version: '7.2.22', sandbox: true, accel: 'tcg' });
  expect(path.basename(found.binary)).toBe('qemu-system-x86_64');
  await qemu.find('amd64');
  expect(asked).toHaveLength(1);
});

test('a program that is handed in takes the place of the one in the system folders, for its kind of guest only', async () => {
  const program = path.join(folder, 'qemu-of-another-release');
  await writeFile(program, '', { mode: 0o755 });
  const asked: RunRequest[] = [];
  const qemu = installation({ version: '11.1.3' }, { programs: { arm64: program } }, asked);
  await expect(qemu.find('arm64')).resolves.toMatchObject({ binary: program, version: '11.1.3' });
  expect(asked.map(({ tool }) => tool)).toEqual([program]);
  expect((await qemu.find('amd64')).binary).not.toBe(program);
});

test('a program that is handed in and is not there is missing, never replaced', async () => {
  const finding = installation({}, { programs: { amd64: path.join(folder, 'gone') } }).find('amd64');
  await expect(finding).rejects.toMatchObject({ code: 'HOST_TOOL_MISSING' });
});

test('a build without seccomp is used without a sandbox', async () => {
  await expect(installation({ sandbox: false }).find('amd64')).resolves.toMatchObject({ sandbox: false });
});

test.each(['7.1.0', '6.2', '4.2.1'])('version %s is too old, with the line that updates it', async (version) => {
  const finding = installation({ version }).find('amd64');
  await expect(finding).rejects.toMatchObject({
    code: 'DRIVER_QEMU_TOO_OLD',
    exit: 3,
    remedy: expect.stringMatching(/qemu/),
  });
});

test.each(['7.2.0', '8.0', '10.1.2'])('version %s is new enough', async (version) => {
  await expect(installation({ version }).find('amd64')).resolves.toMatchObject({ version });
});

test('a QEMU that does not tell its version is unusable', async () => {
  const run: Run = async (request) => ({ ...(await fakeRun({})(request)), stdout: 'hello' });
  await expect(installation({}, { run }).find('amd64')).rejects.toMatchObject({
    code: 'DRIVER_QEMU_UNUSABLE',
    exit: 3,
  });
});

describe('VMGATE_ACCEL', () => {
  test('is checked', async () => {
    const finding = installation({}, { forcedAccel: 'kmv' }).find('amd64');
    await expect(finding).rejects.toMatchObject({ code: 'DRIVER_ACCEL_UNKNOWN', exit: 2 });
  });

  test('is obeyed when the accelerator runs a guest', async () => {
    const probe = { code: 0x55 };
    await expect(installation({ probe }, { forcedAccel: 'hvf' }).find('amd64')).resolves.toMatchObject({
      accel: 'hvf',
    });
  });

  test('is refused with what the probe saw', async () => {
    const probe = { code: 1, stderr: 'qemu-system-x86_64: -accel hvf: invalid accelerator hvf\n' };
    const finding = installation({ probe }, { forcedAccel: 'hvf' }).find('amd64');
    await expect(finding).rejects.toMatchObject({
      code: 'DRIVER_ACCEL_UNAVAILABLE',
      exit: 3,
      what: expect.stringContaining('invalid accelerator hvf'),
    });
  });

  test('empty means unset', async () => {
    await expect(installation({}, { forcedAccel: '' }).find('amd64')).resolves.toMatchObject({ accel: 'tcg' });
  });
});

test('a hanging accelerator falls back to tcg and says so', async () => {
  const events: CodedEvent[] = [];
  const probe = { code: undefined, signal: 'SIGKILL', timedOut: true } as const;
  const { forcedAccel: _, ...options } = { forcedAccel: undefined, onEvent: (event: CodedEvent) => events.push(event) };
  const found = await new Installation({ run: fakeRun({ probe }), ...options }).find('amd64');
  expect(found.accel).toBe('tcg');
  expect(events).toMatchObject([{ code: 'DRIVER_ACCEL_FALLBACK', payload: { using: 'tcg' } }]);
});

describe('the cache', () => {
  test('saves every later process the probe, and repeats what it found out', async () => {
    const cacheFile = path.join(folder, 'qemu.json');
    await installation({}, { cacheFile }).find('amd64');
    const asked: RunRequest[] = [];
    await expect(installation({}, { cacheFile }, asked).find('amd64')).resolves.toMatchObject({ accel: 'tcg' });
    expect(asked).toEqual([]);
  });

  test.each(['', '{', '[]', '[{"key":"x"}]', '{"accel":"kvm"}'])('holding %j is as good as none', async (text) => {
    const cacheFile = path.join(folder, 'qemu.json');
    await writeFile(cacheFile, text);
    await expect(installation({}, { cacheFile }).find('amd64')).resolves.toMatchObject({ accel: 'tcg' });
    expect(JSON.parse(await readFile(cacheFile, 'utf8'))).toHaveLength(1);
  });

  test('of another QEMU or another wish is not believed', async () => {
    const cacheFile = path.join(folder, 'qemu.json');
    await installation({}, { cacheFile }).find('amd64');
    const asked: RunRequest[] = [];
    await installation({ probe: { code: 0x55 } }, { cacheFile, forcedAccel: 'hvf' }, asked).find('amd64');
    expect(asked).toHaveLength(2);
  });

  test('that cannot be written costs nothing but time', async () => {
    const cacheFile = path.join(folder, 'no', 'such', 'folder.json');
    await expect(installation({}, { cacheFile }).find('amd64')).resolves.toMatchObject({ accel: 'tcg' });
  });
});
