/** `vmgate image pull` of a disk of 1 GiB from the real docker-registry, against curl and sha256sum of the same blobs. */
import { execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { interleave } from './median.mjs';

const exec = promisify(execFile);
const BYTES = 1_073_741_824;
const NAME = 'team/disk';

export async function measureImagePull(stand, runs) {
  const folder = path.join(await stand.folder(), 'image-pull');
  await mkdir(folder);
  const file = path.join(folder, 'disk.raw');
  await pipeline(Readable.from(noise(BYTES)), createWriteStream(file));
  await exec('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(folder, 'key')]);
  const host = await startRegistry(stand, folder);
  // Somebody's home folder, and the folder they type in.
  const vmgate = (home, ...argv) =>
    exec(process.execPath, [stand.program, ...argv], { cwd: home, env: { ...process.env, VMGATE_HOME: home } });
  const lead = path.join(folder, 'lead');
  await mkdir(lead, { mode: 0o700 });
  const pushed = await vmgate(lead, 'image', 'push', `${host}/${NAME}:1`, file, '--sign', '../key', '--json');
  const { signer } = JSON.parse(pushed.stdout.trim().split('\n').at(-1));
  const urls = (await layersOf(host)).map((digest) => `http://${host}/v2/${NAME}/blobs/${digest}`);
  const byVmgate = async () => {
    const home = path.join(folder, 'member');
    await mkdir(home, { mode: 0o700 });
    const tookMs = await timed(() => vmgate(home, 'image', 'pull', `${host}/${NAME}:1`, '--signer', signer));
    await rm(home, { recursive: true });
    return tookMs;
  };
  const byHand = async () => {
    const blobs = path.join(folder, 'blobs');
    await mkdir(blobs);
    const tookMs = await timed(async () => {
      await exec('curl', ['-sSf', '--remote-name-all', ...urls], { cwd: blobs });
      await exec(
        'sha256sum',
        urls.map((url) => path.join(blobs, path.basename(url))),
      );
    });
    await rm(blobs, { recursive: true });
    return tookMs;
  };
  const [vmgateMs, curlMs] = await interleave(runs, byVmgate, byHand);
  return { value: curlMs / vmgateMs, raw: { vmgateMs, curlMs } };
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** No two blocks alike, so that no piece of the disk is another's. */
function* noise(bytes) {
  const piece = crypto.getRandomValues(new Uint8Array(65_536));
  for (let at = 0; at < bytes; at += piece.length) {
    piece[at % piece.length] ^= 1;
    new DataView(piece.buffer).setUint32(0, at);
    yield Buffer.from(piece);
  }
}

async function startRegistry(stand, folder) {
  const host = `127.0.0.1:${await freePort()}`;
  const config = path.join(folder, 'registry.yml');
  const lines = [
    ...['version: 0.1', 'log: {level: error, accesslog: {disabled: true}}'],
    ...[`storage: {filesystem: {rootdirectory: ${folder}/registry}}`, `http: {addr: "${host}", secret: bench}`, ''],
  ];
  await writeFile(config, lines.join('\n'));
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore', env: { PATH: process.env.PATH } });
  const ended = new Promise((resolve) => child.once('close', resolve));
  stand.onClose(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  while (!(await fetch(`http://${host}/v2/`).catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error('docker-registry ended');
    await sleep(50);
  }
  return host;
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function layersOf(host) {
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const answer = await fetch(`http://${host}/v2/${NAME}/manifests/1`, { headers: { accept } });
  return (await answer.json()).layers.map(({ digest }) => digest);
}
