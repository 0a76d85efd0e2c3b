import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable, type Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type Docker from 'dockerode';
import { extract } from 'tar-stream';
import { DockerWorkshop, dockerObjection } from '../../../src/image/docker-workshop.ts';

interface Reply {
  readonly status?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** As much of Docker as the workshop uses, with its manners: an exec is still running for a moment after its output. */
class FakeDocker {
  readonly commands: string[][] = [];
  readonly uploads: string[] = [];
  readonly pulled: string[] = [];
  removed = 0;
  images: object[] = [{}];
  pullMessages: object[] = [{ status: 'done' }];
  private readonly replies: Readonly<Record<string, Reply>>;

  constructor(replies: Readonly<Record<string, Reply>> = {}) {
    this.replies = replies;
  }

  readonly modem = {
    followProgress: (_: unknown, done: (cause: null, output: readonly object[]) => void) => {
      done(null, this.pullMessages);
    },
    demuxStream: (stream: Readable, stdout: Writable, stderr: Writable) => {
      stream.on('data', (line: Buffer) => {
        const [to, text = ''] = line.toString().split(/:(.*)/s);
        (to === 'err' ? stderr : stdout).write(text);
      });
    },
  };

  ping = () => Promise.resolve('OK');
  listImages = () => Promise.resolve(this.images);
  pull = (image: string) => {
    this.pulled.push(image);
    return Promise.resolve(new PassThrough());
  };

  createContainer = () =>
    Promise.resolve({
      start: () => Promise.resolve(),
      remove: () => {
        this.removed += 1;
        return Promise.resolve();
      },
      putArchive: async (stream: Readable) => {
        const archive = stream.pipe(extract());
        for await (const entry of archive) {
          this.uploads.push(entry.header.name);
          entry.resume();
        }
      },
      exec: ({ Cmd }: { readonly Cmd: string[] }) => {
        this.commands.push(Cmd);
        const { status = 0, stdout = '', stderr = '' } = this.replies[Cmd[0] ?? ''] ?? {};
        let asked = 0;
        return Promise.resolve({
          start: () => Promise.resolve(Readable.from([Buffer.from(`out:${stdout}`), Buffer.from(`err:${stderr}`)])),
          inspect: () => {
            asked += 1;
            return Promise.resolve(
              asked < 2 ? { Running: true, ExitCode: null } : { Running: false, ExitCode: status },
            );
          },
        });
      },
    });

  get asDocker(): Docker {
    return this as unknown as Docker;
  }
}

async function unpack(docker: FakeDocker): Promise<{ readonly tar: string; readonly lines: readonly string[] }> {
  const debs = mkdtempSync(path.join(tmpdir(), 'vmgate-debs-'));
  writeFileSync(path.join(debs, 'a_1_amd64.deb'), 'x');
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  const lines: string[] = [];
  const onLine = (line: string) => lines.push(line);
  const workshop = new DockerWorkshop(docker.asDocker);
  try {
    await workshop.unpack({
      suite: 'trixie',
      arch: 'arm64',
      packages: ['a', 'b'],
      debs,
      output,
      onLine,
      signal: undefined,
    });
  } finally {
    await workshop.close();
    rmSync(debs, { recursive: true });
  }
  return { tar: Buffer.concat(chunks).toString(), lines };
}

describe('DockerWorkshop', () => {
  test('installs the tools, brings the cached debs, and runs the same mmdebstrap', async () => {
    const docker = new FakeDocker({ mmdebstrap: { stdout: 'a tar', stderr: 'I: done\n' } });
    expect(await unpack(docker)).toEqual({ tar: 'a tar', lines: ['I: done'] });
    expect(docker.commands.map(([tool, verb]) => `${tool} ${verb}`)).toEqual([
      'apt-get update',
      'apt-get install',
      'mmdebstrap --mode=root',
    ]);
    expect(docker.commands[2]).toContain('--include=a,b');
    expect(docker.commands[2]).toContain('--architectures=arm64');
    expect(docker.uploads).toEqual(['work/debs', 'work/debs/a_1_amd64.deb']);
    expect(docker.removed).toBe(1);
  });

  test('compresses inside the container', async () => {
    const docker = new FakeDocker({ zstd: { stdout: 'packed' }, gzip: { stdout: 'zipped' } });
    const workshop = new DockerWorkshop(docker.asDocker);
    expect((await workshop.compress(Buffer.from('data'), 'zstd', undefined)).toString()).toBe('packed');
    expect((await workshop.compress(Buffer.from('data'), 'gzip', undefined)).toString()).toBe('zipped');
    expect(docker.uploads).toEqual(['work/layer', 'work/layer']);
    expect(docker.commands.at(-1)).toEqual(['gzip', '-9', '--no-name', '--stdout', '/work/layer']);
    await workshop.close();
  });

  test('pulls Debian when it is not there, and believes the messages, not the absence of an error', async () => {
    const docker = new FakeDocker();
    docker.images = [];
    await unpack(docker);
    expect(docker.pulled).toEqual(['debian:trixie-slim']);
    docker.pullMessages = [{ status: 'pulling' }, { error: 'no such manifest' }];
    await expect(unpack(docker)).rejects.toMatchObject({ evidence: ['no such manifest'] });
  });

  test('says which image is missing when the engine refuses to pull at once', async () => {
    const docker = new FakeDocker();
    docker.images = [];
    docker.pull = () => Promise.reject(new Error('(HTTP code 500) server error - no such host'));
    await expect(unpack(docker)).rejects.toMatchObject({
      name: 'WorkshopFailure',
      message: 'Docker has no image debian:trixie-slim and could not pull it',
      evidence: ['(HTTP code 500) server error - no such host'],
    });
    expect(docker.removed).toBe(0);
  });

  test('removes a container whose tools could not be installed', async () => {
    const docker = new FakeDocker({ 'apt-get': { status: 100, stderr: 'E: no network\n' } });
    await expect(unpack(docker)).rejects.toMatchObject({ evidence: ['E: no network'] });
    expect(docker.removed).toBe(1);
  });

  test('takes what the engine refuses for a failure of the workshop', async () => {
    const docker = new FakeDocker();
    docker.createContainer = () => Promise.reject(new Error('(HTTP code 409) conflict'));
    await expect(unpack(docker)).rejects.toMatchObject({
      name: 'WorkshopFailure',
      evidence: ['(HTTP code 409) conflict'],
    });
  });

  test('shows the last words of a tool that failed, and removes the container', async () => {
    const docker = new FakeDocker({ mmdebstrap: { status: 25, stderr: 'E: no mirror\n' } });
    await expect(unpack(docker)).rejects.toMatchObject({
      message: 'mmdebstrap in Docker ended with status 25',
      evidence: ['E: no mirror'],
    });
    expect(docker.removed).toBe(1);
  });

  test('says why Docker cannot be used', async () => {
    const docker = new FakeDocker();
    expect(await dockerObjection(docker.asDocker)).toBeUndefined();
    docker.ping = () => Promise.reject(new Error('connect ENOENT /var/run/docker.sock'));
    expect(await dockerObjection(docker.asDocker)).toBe('connect ENOENT /var/run/docker.sock');
  });
});
