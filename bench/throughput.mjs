/** A work VM's download through the tunnel: gateway with the guard on its uplink, against one without. */
import { connectGateway } from './connected-gateway.mjs';
import { interleave } from './median.mjs';
import { startWorkVm } from './work-vm.mjs';

const BYTES = 4_000_000;
/** Inside the tunnel; timed by the VM's own clock, so that ssh's part does not count. */
const DOWNLOAD = `read a _ </proc/uptime; wget -q -O - http://10.66.0.1/bytes/${BYTES} | wc -c; read b _ </proc/uptime; echo $a $b`;
const SECOND_CLIENT = '10.66.0.3/32';

export async function measureThroughput(stand, runs) {
  const { lab } = await stand.stage();
  await stand.vmgate('down');
  const { newClientKey } = await stand.load('lab/client-profile.js');
  const key = newClientKey();
  await lab.admit(key.publicKey, [SECOND_CLIENT]);
  const second = lab.profile
    .replace(/^PrivateKey = .*$/m, `PrivateKey = ${key.privateKey}`)
    .replace(/^Address = .*$/m, `Address = ${SECOND_CLIENT}`);
  const undo = [];
  try {
    const guarded = await station(stand, lab.profile, true, undo);
    const unguarded = await station(stand, second, false, undo);
    await guarded();
    await unguarded();
    const [guardedMBs, unguardedMBs] = await interleave(runs, guarded, unguarded);
    return { value: guardedMBs / unguardedMBs, raw: { guardedMBs, unguardedMBs } };
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

/** A gateway and a VM behind it; the result downloads once, MB a second. */
async function station(stand, profile, guarded, undo) {
  const gateway = await connectGateway(stand, profile, { guarded });
  undo.push(gateway.stop);
  const vm = await startWorkVm(stand, gateway);
  undo.push(vm.stop);
  const { run } = await vm.shell();
  return async () => {
    // Worth 15 s, more than a download takes: no renewal falls into the measurement.
    await gateway.control.lease(['work0']);
    const output = await run(DOWNLOAD);
    const [bytes, from, to] = output.trim().split(/\s+/).map(Number);
    if (bytes !== BYTES) throw new Error(`downloaded ${output.trim()} instead of ${BYTES} bytes`);
    return BYTES / 1e6 / (to - from);
  };
}
