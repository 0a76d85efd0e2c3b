/**
 * Packages unpacked in a Docker container: for macOS and for distributions without mmdebstrap. The container is a plain
 * Debian in which the tools are installed; it lives for one build.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { LineSplitter, messageOf } from '../host/index.ts';
import {
  type Compression,
  compressorArguments,
  DISK_PACKAGES,
  type DiskRequest,
  mmdebstrapArguments,
  tellingLines,
  type UnpackRequest,
  WORKSHOP_TOOLS,
  type Workshop,
  WorkshopFailure,
} from './workshop.ts';

const BASE_IMAGE = 'debian:trixie-slim';
/** The base image, and what the tools need. */
const SETUP_BYTES = 75_000_000;
const DISK_SETUP_BYTES = 40_000_000;
const LABELS = { 'vmgate.managed': '1', 'vmgate.purpose': 'image-build' };
const PING_TIMEOUT_MS = 5_000;
/** Inside the container. */
const DEBS = '/work/debs';
const LAYER = '/work/layer';
const DISK = '/work/disk';
const MAX_EVIDENCE_LINES = 40;
/** Longer than any build: the container of a vmgate that was killed ends, and Docker removes it. */
const LIFETIME_SECONDS = 3_600;

/** Docker as its command line finds it; Docker Desktop puts its socket into the home folder. */
export async function connectDocker(): Promise<Docker> {
  const { default: Dockerode } = await import('dockerode');
  const { DOCKER_HOST } = process.env;
  const desktop = path.join(os.homedir(), '.docker', 'run', 'docker.sock');
  const useDesktop = DOCKER_HOST === undefined && !existsSync('/var/run/docker.sock') && existsSync(desktop);
  return useDesktop ? new Dockerode({ socketPath: desktop }) : new Dockerode();
}

/** Why Docker cannot be used, in one sentence; undefined when it answers. */
export async function dockerObjection(docker: Docker): Promise<string | undefined> {
  try {
    const hung = sleep(PING_TIMEOUT_MS, 'it does not answer', { ref: false });
    return await Promise.race([hung, docker.ping().then(() => undefined)]);
  } catch (cause) {
    return messageOf(cause);
  }
}

export class DockerWorkshop implements Workshop {
  readonly description = 'in a Docker container';
  readonly setupBytes: number;
  private ready: Promise<Docker.Container> | undefined;
  private container: Docker.Container | undefined;
  private readonly docker: Docker;
  private readonly packages: readonly string[];

  /** @param withDisk a disk is made here too, which takes more tools */
  constructor(docker: Docker, withDisk = false) {
    this.docker = docker;
    this.packages = withDisk ? [...WORKSHOP_TOOLS, ...DISK_PACKAGES] : WORKSHOP_TOOLS;
    this.setupBytes = SETUP_BYTES + (withDisk ? DISK_SETUP_BYTES : 0);
  }

  async unpack(request: UnpackRequest): Promise<void> {
    const { output, onLine, signal } = request;
    await this.inContainer(signal, async (container) => {
      await container.putArchive(folderTar(request.debs, DEBS.slice(1)), { path: '/' });
      const command = ['mmdebstrap', ...mmdebstrapArguments({ ...request, debs: DEBS, asRoot: true })];
      await this.execute(container, command, output, onLine, signal);
    });
    output.end();
  }

  async compress(data: Buffer, format: Compression, signal: AbortSignal | undefined): Promise<Buffer> {
    const output = new PassThrough();
    const chunks: Buffer[] = [];
    output.on('data', (chunk: Buffer) => chunks.push(chunk));
    await this.inContainer(signal, async (container) => {
      const archive = pack();
      archive.entry({ name: LAYER.slice(1) }, data);
      archive.finalize();
      await container.putArchive(archive as unknown as NodeJS.ReadableStream, { path: '/' });
      const command = [format, ...compressorArguments(format, data.length), LAYER];
      await this.execute(container, command, output, () => {}, signal);
    });
    output.end();
    await finished(output);
    return Buffer.concat(chunks);
  }

  /** In the container too, where files can belong to whom the archive says; only the disk comes back. */
  async makeDisk({ script, tar, folder, gigabytes, signal }: DiskRequest): Promise<void> {
    await this.inContainer(signal, async (container) => {
      const files = { 'make-disk.sh': script, 'root.tar': tar };
      await container.putArchive(filesTar(files, DISK.slice(1)), { path: '/' });
      const command = ['sh', `${DISK}/make-disk.sh`, `${DISK}/root.tar`, DISK, String(gigabytes)];
      await this.execute(container, command, new PassThrough().resume(), () => {}, signal);
      const disk = new PassThrough();
      const written = pipeline(disk, createWriteStream(path.join(folder, 'disk.qcow2'), { mode: 0o600 }));
      written.catch(() => {}); // awaited below, unless reading it fails first
      await this.execute(container, ['cat', `${DISK}/disk.qcow2`], disk, () => {}, signal);
      disk.end();
      await written;
    });
  }

  /** Also when the container was made but could not be set up. */
  async close(): Promise<void> {
    await this.ready?.catch(() => {});
    await this.container?.remove({ force: true }).catch(() => {});
  }

  /** What the engine refuses, and a connection to it that breaks, are failures of the workshop like a tool's. */
  private async inContainer(
    signal: AbortSignal | undefined,
    work: (container: Docker.Container) => Promise<void>,
  ): Promise<void> {
    try {
      this.ready ??= this.open(signal);
      await work(await this.ready);
    } catch (cause) {
      if (cause instanceof WorkshopFailure) throw cause;
      throw new WorkshopFailure('Docker did not do as it was told', [messageOf(cause)]);
    }
  }

  private async open(signal: AbortSignal | undefined): Promise<Docker.Container> {
    await this.pull(signal);
    const container = await this.docker.createContainer({
      Image: BASE_IMAGE,
      Cmd: ['sleep', String(LIFETIME_SECONDS)],
      Env: ['DEBIAN_FRONTEND=noninteractive'],
      Labels: LABELS,
      HostConfig: { AutoRemove: true, Init: true },
    });
    this.container = container;
    await container.start();
    const ignored = new PassThrough().resume();
    await this.execute(container, ['apt-get', 'update'], ignored, () => {}, signal);
    const install = ['apt-get', 'install', '--yes', '--no-install-recommends', ...this.packages];
    await this.execute(container, install, ignored, () => {}, signal);
    return container;
  }

  /**
   * Refused at once where no registry is reached; refused in mid-stream as `{"error":...}`, which followProgress
   * reports as no error.
   */
  private async pull(signal: AbortSignal | undefined): Promise<void> {
    const known = await this.docker.listImages({ filters: { reference: [BASE_IMAGE] } });
    if (known.length > 0) return;
    const failure = await this.pulling(signal).catch(messageOf);
    if (failure === undefined) return;
    throw new WorkshopFailure(`Docker has no image ${BASE_IMAGE} and could not pull it`, [failure]);
  }

  /** What the registry or the engine said against it, if anything. */
  private async pulling(signal: AbortSignal | undefined): Promise<string | undefined> {
    const stream = await this.docker.pull(BASE_IMAGE, signal === undefined ? {} : { abortSignal: signal });
    const messages = await new Promise<readonly { error?: string }[]>((resolve, reject) => {
      this.docker.modem.followProgress(stream, (cause, output) => {
        if (cause === null) resolve(output);
        else reject(cause);
      });
    });
    return messages.find(({ error }) => error !== undefined)?.error;
  }

  /** demuxStream does not end its outputs, and an exec may still count as running when its stream has ended. */
  private async execute(
    container: Docker.Container,
    command: readonly string[],
    stdout: Writable,
    onLine: (line: string) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal?.throwIfAborted();
    const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: false });
    const stream = await exec.start({});
    const abort = () => stream.destroy(new Error('interrupted'));
    signal?.addEventListener('abort', abort, { once: true });
    const evidence: string[] = [];
    const lines = new LineSplitter((line) => {
      evidence.push(line);
      if (evidence.length > MAX_EVIDENCE_LINES) evidence.shift();
      onLine(line);
    });
    const stderr = new PassThrough();
    stderr.on('data', (chunk: Buffer) => lines.push(chunk));
    this.docker.modem.demuxStream(stream, stdout, stderr);
    try {
      await finished(stream, { writable: false });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    const status = await exitStatusOf(exec);
    if (status !== 0)
      throw new WorkshopFailure(`${command[0]} in Docker ended with status ${status}`, tellingLines(evidence));
  }
}

async function exitStatusOf(exec: Docker.Exec): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await sleep(20);
  }
  return -1;
}

/** The files of `folder` as a tar whose entries lie under `prefix`. The folder itself is always there. */
function folderTar(folder: string, prefix: string): NodeJS.ReadableStream {
  const archive = pack();
  const fill = async () => {
    archive.entry({ name: prefix, type: 'directory' });
    for (const name of await readdir(folder)) {
      const data = await readFile(path.join(folder, name));
      await new Promise<void>((resolve, reject) => {
        archive.entry({ name: `${prefix}/${name}`, mode: 0o644 }, data, (cause) => {
          if (cause == null) resolve();
          else reject(cause);
        });
      });
    }
    archive.finalize();
  };
  fill().catch((cause: unknown) => archive.destroy(cause instanceof Error ? cause : new Error(String(cause))));
  return archive as unknown as Readable;
}

/** Files under names of our choosing, a piece at a time: one of them is as large as a system. */
function filesTar(files: Readonly<Record<string, string>>, prefix: string): NodeJS.ReadableStream {
  const archive = pack();
  const fill = async () => {
    for (const [name, file] of Object.entries(files)) {
      const { size } = await stat(file);
      await pipeline(createReadStream(file), archive.entry({ name: `${prefix}/${name}`, size, mode: 0o644 }));
    }
    archive.finalize();
  };
  fill().catch((cause: unknown) => archive.destroy(cause instanceof Error ? cause : new Error(String(cause))));
  return archive as unknown as Readable;
}
