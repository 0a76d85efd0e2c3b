/** What an open gate costs while nothing happens, and how soon it is back when the network is. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './median.mjs';

const IDLE_MS = 10_000;
/** Twice what `verify.every` is unless a vmgate.yaml says otherwise. */
const VERIFIED_WITHIN_MS = 60_000;
/** USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;
const LOOK_AGAIN_MS = 50;
const PATIENCE_MS = 90_000;

/** Proportional set size, MB, of the supervisor and its guard. Linux only: nothing else tells it. */
export async function measureMemory(stand) {
  await stand.openStage();
  const { pid } = (await stand.status()).supervisor;
  await sleep(IDLE_MS);
  const guard = guardOf(pid);
  const [supervisorMB, guardMB] = [pssMB(pid), pssMB(guard)];
  return { value: supervisorMB + guardMB, raw: { supervisorMB, guardMB } };
}

/** Share of one core, percent, that supervisor and guard of an open gate take; two full verifications are among it. Linux only. */
export async function measureIdle(stand) {
  await stand.openStage();
  const { pid } = (await stand.status()).supervisor;
  const guard = guardOf(pid);
  await sleep(IDLE_MS);
  const used = () => [pid, guard].map(cpuMs);
  const [before, began] = [used(), performance.now()];
  await sleep(VERIFIED_WITHIN_MS);
  const spanMs = performance.now() - began;
  const [supervisorPercent, guardPercent] = used().map((ms, index) => ((ms - before[index]) / spanMs) * 100);
  return { value: supervisorPercent + guardPercent, raw: { supervisorPercent, guardPercent } };
}

/** Seconds from the lab's network forwarding again to the gate being open again, by the supervisor's own journal. */
export async function measureRecovery(stand, runs) {
  const { lab } = await stand.openStage();
  const seconds = [];
  for (let run = 0; run < runs; run += 1) {
    await lab.fault('tunnel-silent', true);
    await until(stand, ({ phase }) => phase !== 'open');
    // Away for a different time in each run, so that no retry's rhythm decides.
    await sleep(3_000 + (run * 4_000) / runs);
    await lab.fault('tunnel-silent', false);
    const back = Date.now();
    const { since } = await until(stand, ({ phase }) => phase === 'open');
    seconds.push(Math.max(0, Date.parse(since) - back) / 1_000);
  }
  return { value: median(seconds), raw: { medianSeconds: median(seconds), worstSeconds: Math.max(...seconds) } };
}

async function until(stand, condition) {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const status = await stand.status();
    if (condition(status)) return status;
    await sleep(LOOK_AGAIN_MS);
  }
  throw new Error(`the gate did not change within ${PATIENCE_MS / 1_000} s`);
}

function guardOf(pid) {
  const guard = childrenOf(pid).find((child) => readFileSync(`/proc/${child}/cmdline`, 'latin1').includes('guard'));
  if (guard === undefined) throw new Error('the supervisor has no guard');
  return guard;
}

/** proc(5): user and system time, fields 14 and 15, in ticks; the second field may hold blanks, so they count from its end. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function childrenOf(pid) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid);
}

function parentOf(pid) {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  } catch {
    return undefined; // It ended meanwhile.
  }
}

function pssMB(pid) {
  const kB = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1];
  return (Number(kB) * 1_024) / 1e6;
}
