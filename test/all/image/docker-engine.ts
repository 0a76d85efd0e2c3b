/** A Docker engine of its own: private socket and data, no bridge, no packet filter rules, no way to a registry. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { findTool, requireTool } from '../../../src/host/index.ts';
import { dockerObjection } from '../../../src/image/docker-workshop.ts';

const START_ATTEMPTS = 150;

/** Why no engine can run here, in a few words; undefined if one can. */
export function engineObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may start an engine';
  const missing = ['dockerd', 'mmdebstrap', 'zstd'].filter((tool) => findTool(tool) === undefined);
  return missing.length === 0 ? undefined : `${missing.join(' and ')} not installed`;
}

/**
 * Containers on the host's network: an engine that leaves the host's packet filter alone has no other to give. All else
 * is asked for as the workshop asks.
 */
class HostNetworkDocker extends Docker {
  override createContainer(options: Docker.ContainerCreateOptions): Promise<Docker.Container> {
    return super.createContainer({ ...options, HostConfig: { ...options.HostConfig, NetworkMode: 'host' } });
  }
}

export class DockerEngine {
  readonly docker: Docker;
  private readonly root: string;
  private readonly daemon: ChildProcess;

  private constructor(root: string) {
    const inRoot = (name: string) => path.join(root, name);
    const log = openSync(inRoot('log'), 'w');
    const flags = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--storage-driver=vfs'];
    const places = ['--data-root', inRoot('data'), '--exec-root', inRoot('exec'), '--pidfile', inRoot('pid')];
    const socketPath = inRoot('sock');
    this.root = root;
    this.daemon = spawn(requireTool('dockerd'), [...flags, ...places, '--host', `unix://${socketPath}`], {
      stdio: ['ignore', log, log],
      // Registries are asked through a proxy that is not there: the discard port.
      env: { ...process.env, HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9' },
    });
    this.docker = new HostNetworkDocker({ socketPath });
  }

  static async start(): Promise<DockerEngine> {
    const engine = new DockerEngine(mkdtempSync(path.join(tmpdir(), 'vmgate-docker-')));
    for (let attempt = 0; attempt < START_ATTEMPTS && engine.daemon.exitCode === null; attempt++) {
      if ((await dockerObjection(engine.docker)) === undefined) return engine;
      await sleep(200);
    }
    const log = readFileSync(path.join(engine.root, 'log'), 'utf8');
    await engine.stop();
    throw new Error(`dockerd did not start:\n${log.split('\n').slice(-20).join('\n')}`);
  }

  /**
   * Debian as Docker's official image has it, and its habits that could change a build: downloaded packages are deleted
   * at once, documentation is not unpacked.
   */
  async importDebian(name: string): Promise<void> {
    const tar = path.join(this.root, 'debian.tar');
    const habits = [
      '--aptopt=DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; }',
      '--dpkgopt=path-exclude=/usr/share/doc/*',
    ];
    execFileSync(requireTool('mmdebstrap'), ['--quiet', '--variant=apt', ...habits, 'trixie', tar], { stdio: 'pipe' });
    const [repo, tag] = name.split(':');
    const stream = await this.docker.importImage(tar, { repo, tag });
    await new Promise<void>((resolve, reject) => {
      this.docker.modem.followProgress(stream, (cause) => (cause === null ? resolve() : reject(cause)));
    });
    rmSync(tar);
  }

  async containers(): Promise<readonly string[]> {
    return (await this.docker.listContainers({ all: true })).map(({ Id }) => Id);
  }

  async stop(): Promise<void> {
    if (this.daemon.exitCode === null && this.daemon.signalCode === null) {
      const ended = new Promise((resolve) => this.daemon.once('exit', resolve));
      this.daemon.kill('SIGTERM');
      await ended;
    }
    // Namespaces of ended containers may still be mounted there.
    spawnSync('umount', ['--quiet', '--recursive', path.join(this.root, 'exec', 'netns', 'default')]);
    rmSync(this.root, { recursive: true, force: true });
  }
}
