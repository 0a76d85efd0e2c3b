/** The real docker-registry (Debian's package) on loopback, with its storage in a folder. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
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

export interface Where {
  /** The network namespace that it runs in. */
  readonly namespace?: string;
  readonly address?: string;
  /** Files. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** @param auth the `auth:` block of its configuration, indented by two */
export async function startDockerRegistry(
  auth = '',
  port?: number,
  { namespace, address = '127.0.0.1', tls }: Where = {},
): Promise<DockerRegistry> {
  const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-registry-'));
  const host = `${address}:${port ?? (await freePort())}`;
  const config = path.join(folder, 'config.yml');
  writeFileSync(
    config,
    [
      'version: 0.1',
      'log: {level: error, accesslog: {disabled: true}}',
      `storage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}`,
      `http: {addr: "${host}", secret: test${tls === undefined ? '' : `, tls: {certificate: ${tls.certificate}, key: ${tls.key}}`}}`,
      ...(auth === '' ? [] : ['auth:', auth]),
      '',
    ].join('\n'),
  );
  const within = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
  const [program = '', ...argv] = [...within, findTool('docker-registry') ?? '', 'serve', config];
  const child = spawn(program, argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/bin:/usr/sbin:/sbin', OTEL_TRACES_EXPORTER: 'none' },
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-4_096);
  });
  await answering(host, child, () => said, within);
  return { host, folder, stop: () => stop(child, folder) };
}

async function answering(
  host: string,
  child: ChildProcess,
  said: () => string,
  within: readonly string[],
): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended: ${said()}`);
    if (within.length > 0 ? asksFrom(within, host) : await asks(host)) return;
    await sleep(50);
  }
  throw new Error(`docker-registry does not answer: ${said()}`);
}

async function asks(host: string): Promise<boolean> {
  return (await fetch(`http://${host}/v2/`).catch(() => undefined)) !== undefined;
}

function asksFrom([program = '', ...argv]: readonly string[], host: string): boolean {
  const [address = '', port = ''] = host.split(':');
  const line = `require('node:net').connect(${port}, '${address}')`;
  const script = `${line}.on('connect', () => process.exit(0)).on('error', () => process.exit(1))`;
  return spawnSync(program, [...argv, process.execPath, '-e', script]).status === 0;
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
