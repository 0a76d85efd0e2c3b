/** Disk images that reach outside themselves (leak case 66), and what would notice that one was opened. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);
/** Where the images want to go on the host's loopback. */
export const NBD_PORT = 10_809;

export interface HostileDisk {
  /** Name of the work VM it is for. */
  readonly vm: string;
  readonly file: string;
  readonly code: string;
  /** What the refusal must name. */
  readonly named: string;
}

/** A file that tells when somebody opens it for reading. */
export interface Tripwire {
  readonly file: string;
  /** Whether it was opened so far. */
  tripped(): boolean;
  remove(): Promise<void>;
}

/** A FIFO whose writer waits for a reader: open(2) of either returns when the other is there. */
export async function tripwire(file: string): Promise<Tripwire> {
  await rm(file, { force: true });
  await exec('mkfifo', ['-m', '600', file]);
  let opened = false;
  const writer = spawn('sh', ['-c', 'exec 3>"$1"; echo opened', 'sh', file], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(writer, 'exit');
  writer.stdout.on('data', () => {
    opened = true;
  });
  const remove = async () => {
    writer.kill('SIGKILL');
    await ended;
    await rm(file, { force: true });
  };
  return { file, tripped: () => opened, remove };
}

/** Made by the real qemu-img in `folder`; `secret` is what two of them want to read. */
export async function hostileDisks(folder: string, secret: string, data: string): Promise<readonly HostileDisk[]> {
  const at = (name: string) => path.join(folder, `${name}.qcow2`);
  const json = JSON.stringify({ driver: 'nbd', server: { type: 'inet', host: '127.0.0.1', port: String(NBD_PORT) } });
  const url = `nbd://127.0.0.1:${NBD_PORT}/x`;
  const backing = (name: string, named: string, more: readonly string[] = []) => ({
    disk: { vm: name, file: at(name), code: 'WORK_DISK_BACKING', named },
    argv: [...more, '-u', '-F', 'raw', '-b', named],
  });
  const made = [
    backing('file', secret),
    backing('old', secret, ['-o', 'compat=0.10']),
    backing('url', url),
    backing('json', `json:${json}`),
    {
      disk: { vm: 'data', file: at('data'), code: 'WORK_DISK_DATA_FILE', named: data },
      argv: ['-o', `data_file=${data},data_file_raw=on`],
    },
  ];
  for (const { disk, argv } of made) await exec('qemu-img', ['create', '-q', '-f', 'qcow2', ...argv, disk.file, '8M']);
  return made.map(({ disk }) => disk);
}
