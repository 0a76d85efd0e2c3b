/**
 * What the rows that boot machines stand on: images, one stage (lab, home folder, gate on the lab's uplink) for all of
 * them, and processes whose output is waited for.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadRoom } from './rooms.mjs';

/** What the bench's work VM asks for as soon as it has an address. Inside the lab's VPN it is a web site. */
const SITE = '203.0.113.80';
/** On the serial port, where no login is: the moment the first packet was answered. */
const ASK_ONCE = `
[ "$1" != bound ] || [ -e /run/asked ] || { : >/run/asked; telnet ${SITE} 80 </dev/null >/dev/ttyS0 2>&1 & }
`;
export const FIRST_PACKET = `Connected to ${SITE}`;
export { SITE };

export class Stand {
  #images;
  #stage;
  #folder;
  /** Ends what rows started themselves; each idempotent, the newest first. */
  #stops = [];

  /** `dist`: URL of the built program's folder, with a slash at its end. `say` hears progress. */
  constructor(dist, say) {
    this.program = fileURLToPath(new URL('main.js', dist));
    this.say = say;
  }

  /** A file of the sources, compiled, by its path below src. What is measured is the program, never these. */
  load(file) {
    return loadRoom(file);
  }

  /** An images folder: the user's own images by link, and a tiny work VM that asks for something at boot. */
  images() {
    this.#images ??= this.#collectImages();
    return this.#images;
  }

  async image(kind) {
    const [{ requireImage }, { hostPlatform }] = [await this.load('image/index.js'), await this.load('host/index.js')];
    return requireImage(await this.images(), kind, hostPlatform().arch);
  }

  /** The QEMU all machines here run on, theirs and the baselines'. */
  async qemu() {
    const [{ Installation }, { hostPlatform }] = [
      await this.load('drivers/index.js'),
      await this.load('host/index.js'),
    ];
    return new Installation({ cacheFile: path.join(await this.folder(), 'qemu.json') }).find(hostPlatform().arch);
  }

  folder() {
    this.#folder ??= mkdtemp(path.join(tmpdir(), 'vmg-bench-'));
    return this.#folder;
  }

  /** The stage of all rows; its gate may be up or down. On slirp, as for users. */
  stage() {
    this.#stage ??= this.#openStage();
    return this.#stage;
  }

  /** The stage with its gate open and no work VM. */
  async openStage() {
    const stage = await this.stage();
    if ((await this.status()).phase === 'open') return stage;
    await this.vmgate('down');
    await stage.supervise();
    await this.vmgate('up');
    return stage;
  }

  /** Runs a command on the stage that has to succeed. */
  async vmgate(...args) {
    const result = await (await this.stage()).vmgate(args);
    if (result.code !== 0)
      throw new Error(
        `vmgate ${args.join(' ')} ended with ${result.code}: ${result.stderr}${result.stdout.slice(-600)}`,
      );
    return result;
  }

  async status() {
    return JSON.parse((await this.vmgate('status', '--json')).stdout);
  }

  /** `stop` runs at the latest when the bench ends, also by a signal. Machines outlive the process that started them. */
  onClose(stop) {
    this.#stops.push(stop);
  }

  async close() {
    for (const stop of this.#stops.splice(0).reverse()) await stop().catch(() => undefined);
    await (await this.#stage?.catch(() => undefined))?.close();
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true });
  }

  /** A stage of its own, with another vmgate.yaml and images of more kinds; for a row that asks last. */
  async stageOf(config, kinds) {
    const { Stage } = await this.load('demo/index.js');
    const images = await this.images();
    for (const kind of kinds) await this.#collect(kind, images);
    this.say('booting the lab');
    const stage = await Stage.open({ images, attachment: 'user', program: this.program, config });
    this.onClose(() => stage.close());
    return stage;
  }

  /** Builds what is missing among the user's own, and has it in `images` too. */
  async #collect(kind, images) {
    const [{ homeRoot, layoutOf }, { hostPlatform }, image] = await Promise.all([
      this.load('home/index.js'),
      this.load('host/index.js'),
      this.load('image/index.js'),
    ]);
    const [own, { arch }] = [layoutOf(homeRoot()).images, hostPlatform()];
    if ((await image.upToDateImage(own, kind, arch)) === undefined) {
      this.say(`building the ${kind} image`);
      await image.buildImage(kind, arch, { imagesFolder: own });
    }
    const { digest, folder } = await image.requireImage(own, kind, arch);
    await symlink(folder, path.join(images, digest.slice('sha256:'.length))).catch((cause) => {
      if (cause.code !== 'EEXIST') throw cause;
    });
    const list = path.join(images, 'current.json');
    const current = JSON.parse(await readFile(list, 'utf8'));
    await writeFile(list, JSON.stringify({ ...current, [`${kind}/${arch}`]: digest }));
  }

  async #openStage() {
    const [{ Stage }, images] = [await this.load('demo/index.js'), await this.images()];
    this.say('booting the lab');
    return Stage.open({ images, attachment: 'user', program: this.program });
  }

  async #collectImages() {
    const [{ homeRoot, layoutOf }, { hostPlatform }, image] = await Promise.all([
      this.load('home/index.js'),
      this.load('host/index.js'),
      this.load('image/index.js'),
    ]);
    const own = layoutOf(homeRoot()).images;
    const { arch } = hostPlatform();
    await mkdir(own, { recursive: true, mode: 0o700 });
    for (const kind of ['gateway', 'tiny', 'lab']) {
      if ((await image.upToDateImage(own, kind, arch)) !== undefined) continue;
      this.say(`building the ${kind} image`);
      await image.buildImage(kind, arch, { imagesFolder: own });
    }
    const images = path.join(await this.folder(), 'images');
    await mkdir(images, { mode: 0o700 });
    const names = (await readdir(own)).filter((name) => /^[0-9a-f]{64}$/.test(name));
    await Promise.all(names.map((name) => symlink(path.join(own, name), path.join(images, name))));
    await writeFile(path.join(images, 'current.json'), await readFile(path.join(own, 'current.json')));
    await this.#importAskingVm(await image.requireImage(own, 'tiny', arch), images, image);
    return images;
  }

  async #importAskingVm(tiny, images, { importImage, writeCpio }) {
    const script = 'usr/lib/vmgate/dhcp';
    const source = new URL(`../provision/work/tiny/rootfs/${script}`, import.meta.url);
    const data = `${await readFile(source, 'utf8')}${ASK_ONCE}`;
    const layer = writeCpio([{ path: script, type: 'file', mode: 0o755, data }]);
    const folder = path.join(await this.folder(), 'asking-vm');
    await mkdir(folder);
    const { sha256 } = await this.load('host/index.js');
    const part = { name: 'asking', digest: sha256(layer), bytes: layer.length };
    const manifest = { ...tiny.manifest, layers: [...tiny.manifest.layers, part] };
    await writeFile(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
    await writeFile(path.join(folder, 'asking.cpio'), layer);
    for (const { name } of [tiny.manifest.kernel, ...tiny.manifest.layers]) {
      const file = name === 'kernel' ? name : `${name}.cpio`;
      await symlink(path.join(tiny.folder, file), path.join(folder, file));
    }
    await importImage(folder, images);
  }
}

/** A baseline script as a process. `seen(text)` resolves with the time (performance.now) at which it printed that. */
export function startBaseline(script, args) {
  const file = fileURLToPath(new URL(`baseline/${script}`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  return {
    pid: child.pid,
    seen: (text) => textOn(child.stdout, text, script),
    stop: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

/** When (performance.now) the machine whose serial port is at `socketPath` printed `text`; undefined if given up. */
export async function seenOnSerial(socketPath, text, givenUp) {
  const socket = await dialled(socketPath, givenUp);
  if (socket === undefined) return undefined;
  try {
    return await textOn(socket, text, socketPath);
  } finally {
    socket.destroy();
  }
}

/** As soon as somebody listens there. */
async function dialled(socketPath, givenUp) {
  while (!givenUp.aborted) {
    const socket = net.connect(socketPath);
    const open = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (open) return socket;
    await sleep(5);
  }
  return undefined;
}

const PATIENCE_MS = 120_000;

function textOn(stream, text, from) {
  return new Promise((resolve, reject) => {
    let heard = '';
    const missing = (why) => () =>
      reject(new Error(`${from} ${why} before it printed "${text}": ${heard.slice(-400)}`));
    const late = setTimeout(missing('was silent'), PATIENCE_MS);
    stream.on('data', (chunk) => {
      heard += chunk;
      if (!heard.includes(text)) return;
      clearTimeout(late);
      resolve(performance.now());
    });
    stream.once('close', missing('ended'));
    stream.once('error', reject);
  });
}
