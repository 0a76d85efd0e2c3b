/** From `vmgate start` to the work VM's first answered packet through the tunnel, against a bare boot of the same VM. */
import { interleave, median } from './median.mjs';
import { FIRST_PACKET, SITE, seenOnSerial, startBaseline } from './stand.mjs';

const WORK_VM = 'workvm';

export async function measureStart(stand, runs) {
  const stage = await stand.openStage();
  const folder = stage.gate.work(WORK_VM);
  const [qemu, { consoleSocket }] = [await stand.qemu(), await stand.load('drivers/index.js')];
  const readyMs = [];
  const byVmgate = async () => {
    const failed = new AbortController();
    const began = performance.now();
    const answered = seenOnSerial(consoleSocket(folder), FIRST_PACKET, failed.signal);
    answered.catch(() => {}); // Heard below, unless the start itself failed.
    try {
      await stand.vmgate('start', WORK_VM);
      readyMs.push(performance.now() - began);
      return (await answered) - began;
    } finally {
      failed.abort();
      await stand.vmgate('stop', WORK_VM);
    }
  };
  const bare = async () => {
    const began = performance.now();
    const vm = startBaseline('bare-vm.mjs', [qemu.binary, qemu.accel, folder, SITE]);
    try {
      return (await vm.seen(FIRST_PACKET)) - began;
    } finally {
      await vm.stop();
    }
  };
  // The first start leaves the kernel and the initramfs that both boot.
  await byVmgate();
  const [vmgateMs, bareMs] = await interleave(runs, byVmgate, bare);
  return { value: vmgateMs / bareMs, raw: { vmgateMs, bareMs, startReturnedMs: median(readyMs) } };
}
