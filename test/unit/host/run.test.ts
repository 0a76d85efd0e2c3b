import { describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { expectOk, findTool, type RunRequest, run } from '../../../src/host/index.ts';

/** Runs a Node one-liner as the tool: real processes, no mocks. */
function node(script: string, more: Partial<RunRequest> = {}) {
  return run({ tool: process.execPath, argv: ['-e', script], timeoutMs: 20_000, ...more });
}

async function fault(promise: Promise<unknown>): Promise<VmgateError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!VmgateError.is(error)) throw new Error(`expected a VmgateError, got ${String(error)}`);
  return error;
}

describe('run', () => {
  test('gives status, output and the absolute command', async () => {
    const result = await run({ tool: 'sh', argv: ['-c', 'echo out; echo err >&2; exit 3'], timeoutMs: 20_000 });
    expect(result).toMatchObject({ code: 3, signal: undefined, stdout: 'out\n', stderr: 'err\n', timedOut: false });
    expect(result.argv[0]).toMatch(/^\/.*\/sh$/);
    expect(result.durationMs).toBeGreaterThan(0);
  });

  test('passes stdin, and survives a tool that does not read it', async () => {
    expect((await run({ tool: 'cat', argv: [], stdin: 'secret', timeoutMs: 20_000 })).stdout).toBe('secret');
    const deaf = await run({ tool: 'true', argv: [], stdin: Buffer.alloc(4_000_000), timeoutMs: 20_000 });
    expect(deaf.code).toBe(0);
  });

  test('never goes through a shell', async () => {
    const result = await run({ tool: 'echo', argv: ['$(id)', ';', 'ls', '`id`'], timeoutMs: 20_000 });
    expect(result.stdout).toBe('$(id) ; ls `id`\n');
  });

  test('hands on an allow-list of the environment only', async () => {
    const hostile = { LD_PRELOAD: '', NODE_OPTIONS: '', HTTPS_PROXY: 'http://evil', GIT_SSH_COMMAND: 'evil' };
    const before = { ...process.env };
    Object.assign(process.env, hostile);
    try {
      const { stdout } = await run({ tool: 'env', argv: [], env: { ASKED: 'for' }, timeoutMs: 20_000 });
      const names = stdout
        .trim()
        .split('\n')
        .map((line) => line.split('=')[0]);
      expect(names).toEqual(expect.arrayContaining(['PATH', 'LANG', 'LC_ALL', 'ASKED']));
      for (const name of Object.keys(hostile)) expect(names).not.toContain(name);
    } finally {
      for (const name of Object.keys(hostile)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  test('a child that ignores SIGTERM is killed with everything it started', async () => {
    const script = `
      process.on('SIGTERM', () => {});
      const child = require('node:child_process').spawn('sleep', ['300'], { stdio: 'inherit' });
      console.log(child.pid);
      setInterval(() => {}, 1000);`;
    const result = await node(script, { timeoutMs: 1_500 });
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL', code: undefined });
    expect(result.durationMs).toBeLessThan(8_000);
    const grandchild = Number(result.stdout);
    expect(grandchild).toBeGreaterThan(1);
    expect(() => process.kill(grandchild, 0)).toThrow();
  });

  test('does not wait for a daemon the tool left behind with our pipes', async () => {
    const result = await run({ tool: 'sh', argv: ['-c', 'sleep 30 & echo $!'], timeoutMs: 20_000 });
    expect(result.code).toBe(0);
    expect(result.durationMs).toBeLessThan(8_000);
    process.kill(Number(result.stdout));
  });

  test('an abort ends it, also one that came before', async () => {
    const controller = new AbortController();
    const running = node('setInterval(() => {}, 1000); console.log("up")', {
      signal: controller.signal,
      onLine: () => controller.abort(),
    });
    expect(await running).toMatchObject({ aborted: true, timedOut: false, signal: 'SIGTERM' });
    expect(await node('setInterval(() => {}, 1000)', { signal: AbortSignal.abort() })).toMatchObject({ aborted: true });
  });

  test('output is bounded: stdout ends the tool, of stderr the end is kept', async () => {
    const flood = await run({ tool: 'yes', argv: [], timeoutMs: 20_000, maxBytes: 10_000 });
    expect(flood.overflowed).toBe(true);
    expect(flood.stdout.length).toBeLessThanOrEqual(10_000);
    const noisy = await node('process.stderr.write("x".repeat(200000) + "end")');
    expect(noisy.stderr).toHaveLength(65_536);
    expect(noisy.stderr.endsWith('end')).toBe(true);
  });

  test('streams lines as they come, cut where one never ends', async () => {
    const lines: string[] = [];
    await node('process.stdout.write("a\\r\\nb\\n" + "z".repeat(20000) + "\\nlast"); console.error("e")', {
      onLine: (line, stream) => lines.push(`${stream} ${line.length > 100 ? line.length : line}`),
    });
    expect(lines.filter((line) => line.startsWith('stdout'))).toEqual([
      'stdout a',
      'stdout b',
      'stdout 8192',
      'stdout last',
    ]);
    expect(lines).toContain('stderr e');
  });

  test('hands raw stdout on instead of keeping it', async () => {
    let bytes = 0;
    const result = await run({
      tool: 'head',
      argv: ['-c', '3000000', '/dev/zero'],
      timeoutMs: 20_000,
      maxBytes: 3_000_000,
      onStdout: (chunk) => {
        bytes += chunk.length;
      },
    });
    expect([bytes, result.stdout, result.overflowed]).toEqual([3_000_000, '', false]);
  });
});

describe('finding tools', () => {
  test('looks in system folders, never in PATH or the current folder', () => {
    expect(findTool('sh')).toMatch(/^\/(usr\/)?bin\/sh$/);
    expect(findTool('./sh')).toBeUndefined();
    expect(findTool('vmgate-no-such-tool')).toBeUndefined();
    expect(findTool(process.execPath)).toBe(process.execPath);
  });

  test('a missing one is an error with the line that installs it', async () => {
    const error = await fault(run({ tool: 'vmgate-no-such-tool', argv: [], timeoutMs: 1 }));
    expect(error).toMatchObject({ code: 'HOST_TOOL_MISSING', exit: 3 });
    expect(error.remedy).toContain('vmgate-no-such-tool');
  });

  test('one that cannot be started says so', async () => {
    const error = await fault(run({ tool: 'true', argv: [], cwd: '/no/such/folder', timeoutMs: 1_000 }));
    expect(error).toMatchObject({ code: 'HOST_TOOL_FAILED', what: 'true could not be started while starting' });
  });
});

describe('expectOk', () => {
  test('passes a good result on', async () => {
    const result = await run({ tool: 'true', argv: [], timeoutMs: 20_000 });
    expect(expectOk(result, 'trying')).toBe(result);
    const odd = await run({ tool: 'sh', argv: ['-c', 'exit 2'], timeoutMs: 20_000 });
    expect(expectOk(odd, 'trying', [0, 2])).toBe(odd);
  });

  test('shows the last words and a command to paste', async () => {
    const error = await fault(
      run({ tool: 'sh', argv: ['-c', 'echo "it\'s broken" >&2; exit 7'], timeoutMs: 20_000 }).then((result) =>
        expectOk(result, 'reading the format'),
      ),
    );
    expect(error.what).toBe('sh ended with status 7 while reading the format');
    expect(error.evidence).toEqual(["it's broken"]);
    expect(error.remedy).toMatch(/sh -c 'echo "it'\\''s broken" >&2; exit 7'$/);
  });

  test('names the most specific cause', async () => {
    const outcome = async (request: Partial<RunRequest>, script = 'setInterval(() => {}, 1000)') =>
      (await fault(node(script, request).then((result) => expectOk(result, 'trying')))).what;
    expect(await outcome({ timeoutMs: 300 })).toMatch(/^node did not end within \d+\.\d s while trying$/);
    expect(await outcome({ signal: AbortSignal.abort() })).toContain('was interrupted');
    expect(await outcome({}, 'process.kill(process.pid, "SIGUSR2")')).toContain('was ended by SIGUSR2');
    expect(await outcome({ maxBytes: 2 }, 'console.log("long")')).toContain('printed more than it should');
  });
});
