/** From `vmgate start` to a login by ssh in a Debian work VM, against a bare boot of the same disk, kernel and seed. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { interleave } from './median.mjs';
import { startBaseline } from './stand.mjs';

const VM = 'dev';
const CPUS = 2;
const MEMORY_MIB = 1_024;
/** Of this machine's loopback, for the baseline alone. */
const PORT = 20_022;
const READY_MS = 400_000;
const CONFIG = `version: 1\nvpn: lab\nwork: {${VM}: {template: debian, cpus: ${CPUS}, memory: ${MEMORY_MIB}MiB}}\n`;

export async function measureDebian(stand, runs) {
  const stage = await stand.stageOf(CONFIG, ['debian']);
  const vmgate = async (...args) => {
    const { code, stderr } = await stage.vmgate(args);
    if (code !== 0) throw new Error(`vmgate ${args.join(' ')} ended with ${code}: ${stderr}`);
  };
  await vmgate('up');
  const folder = stage.gate.work(VM);
  const qemu = await stand.qemu();
  // The first start leaves what both boot: overlay, kernel, initramfs and seed.
  await vmgate('start', VM);
  await vmgate('stop', VM);
  const byVmgate = async () => {
    const began = performance.now();
    await vmgate('start', VM);
    await vmgate('ssh', VM, '--', 'true');
    const tookMs = performance.now() - began;
    await vmgate('stop', VM);
    return tookMs;
  };
  const bare = async () => {
    const privateKey = await readFile(path.join(folder, 'ssh', 'client'), 'utf8');
    const began = performance.now();
    const vm = startBaseline('bare-debian.mjs', [qemu.binary, qemu.accel, folder, PORT, CPUS, MEMORY_MIB].map(String));
    try {
      while (!(await entered(privateKey))) {
        if (performance.now() - began > READY_MS) throw new Error('the bare VM lets nobody in');
        await delay(200);
      }
      return performance.now() - began;
    } finally {
      await vm.stop();
    }
  };
  const [vmgateMs, bareMs] = await interleave(runs, byVmgate, bare);
  return { value: vmgateMs / bareMs, raw: { vmgateMs, bareMs } };
}

/** Whether a command ran in the bare VM. slirp takes the connection before the VM does: silence is no answer. */
function entered(privateKey) {
  return new Promise((resolve) => {
    const client = new ssh2.Client();
    const end = (answer) => {
      client.destroy();
      resolve(answer);
    };
    client.once('error', () => end(false));
    client.once('close', () => end(false));
    client.once('ready', () =>
      client.exec('true', (cause, stream) => {
        if (cause !== undefined) return end(false);
        stream.resume().once('close', () => end(true));
      }),
    );
    client.connect({ host: '127.0.0.1', port: PORT, username: 'root', privateKey, readyTimeout: 60_000 });
  });
}
