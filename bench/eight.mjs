/** Eight work VMs started at once, to the last one's first answered packet, against eight bare boots of the same at once. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { interleave, median } from './median.mjs';
import { FIRST_PACKET, SITE, seenOnSerial, startBaseline } from './stand.mjs';

const VMS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];

export async function measureEight(stand, runs) {
  const stage = await stand.openStage();
  const file = path.join(stage.home.root, 'vmgate.yaml');
  const before = await readFile(file, 'utf8');
  const vms = VMS.map((name) => `  ${name}: {template: tiny}\n`).join('');
  await writeFile(file, `${before.replace(/^work: .*\n/m, '')}work:\n${vms}`);
  await stand.vmgate('up');
  try {
    return await measured(stand, stage, runs);
  } finally {
    await writeFile(file, before);
    await stand.vmgate('up');
  }
}

async function measured(stand, stage, runs) {
  const [qemu, { consoleSocket }] = [await stand.qemu(), await stand.load('drivers/index.js')];
  const folders = VMS.map((name) => stage.gate.work(name));
  const returnedMs = [];
  const byVmgate = async () => {
    const failed = new AbortController();
    const began = performance.now();
    const answered = Promise.all(
      folders.map((folder) => seenOnSerial(consoleSocket(folder), FIRST_PACKET, failed.signal)),
    );
    answered.catch(() => {}); // Heard below, unless a start itself failed.
    try {
      await Promise.all(VMS.map((name) => stand.vmgate('start', name)));
      returnedMs.push(performance.now() - began);
      return Math.max(...(await answered)) - began;
    } finally {
      failed.abort();
      await Promise.all(VMS.map((name) => stand.vmgate('stop', name)));
    }
  };
  const bare = async () => {
    const began = performance.now();
    const machines = folders.map((folder) => startBaseline('bare-vm.mjs', [qemu.binary, qemu.accel, folder, SITE]));
    try {
      return Math.max(...(await Promise.all(machines.map((vm) => vm.seen(FIRST_PACKET))))) - began;
    } finally {
      await Promise.all(machines.map((vm) => vm.stop()));
    }
  };
  // The first start leaves the kernels and initramfs that all boot.
  await byVmgate();
  const [vmgateMs, bareMs] = await interleave(runs, byVmgate, bare);
  return { value: vmgateMs / bareMs, raw: { vmgateMs, bareMs, startsReturnedMs: median(returnedMs) } };
}
