/** The real docker-registry (Debian's package) on loopback, with its storage in a folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findTool } from '../../../src/host/index.ts';

export interface DockerRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly folder: string;
  readonly stop: () => Promise<void>;
}

/** `auth`: the `auth:` block of its configuration, indented by two. */
export async function startDockerRegistry(auth = '', port?: number): Promise<DockerRegistry> {
  const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-registry-'));
  const host = `127.0.0.1:${port ?? (await freePort())}`;
  const config = path.join(folder, 'config.yml');
  writeFileSync(
    config,
    [
      'version: 0.1',
      'log: {level: error, accesslog: {disabled: true}}',
      `storage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}`,
      `http: {addr: "${host}", secret: test}`,
      ...(auth === '' ? [] : ['auth:', auth]),
      '',
    ].join('\n'),
  );
  const child = spawn(findTool('docker-registry') ?? '', ['serve', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/bin', OTEL_TRACES_EXPORTER: 'none' },
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-4_096);
  });
  await answering(host, child, () => said);
  return { host, folder, stop: () => stop(child, folder) };
}

async function answering(host: string, child: ChildProcess, said: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended: ${said()}`);
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer !== undefined) return;
    await sleep(50);
  }
  throw new Error(`docker-registry does not answer: ${said()}`);
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill('SIGKILL')) await ended;
  rmSync(folder, { recursive: true, force: true });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
