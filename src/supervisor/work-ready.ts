/** When a work VM that was started is there: by what it answers, and before that by what it says of itself. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import type { GatewayControl } from '../gateway/index.ts';
import { monotonicMs } from '../host/index.ts';
import { errors } from './codes.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

/** A whole Linux on translated instructions takes minutes on a busy machine. */
const READY_MS = 300_000;
const SSH_PORT = 22;
const REFUSAL_MS = 1_000;
const BANNER_MS = 10_000;
const BANNER = 'SSH-';
const PAUSE_MS = 250;

/** When it is asked, and when listened to; milliseconds. */
export const RHYTHM = {
  /** What is asked in this time, once a second by ARP, fits into the wire. */
  asked: 6_000,
  /** Asked all the same by then: a machine that says nothing before somebody else does. */
  silent: 120_000,
  listen: 1_000,
} as const;

/**
 * A connection, or a refusal: either comes from the VM itself, over its link, so it is up. One that vmgate gave its keys
 * (`mustSpeak`) is waited for until its ssh server speaks, for that is what it is started for.
 *
 * @throws GATE_WORK_NOT_READY, GATE_WORK_NOT_RUNNING, GATE_UNKNOWN_VM
 */
export async function answering(
  world: World,
  name: string,
  mustSpeak: boolean,
  closed: AbortSignal,
  rhythm: Record<keyof typeof RHYTHM, number> = RHYTHM,
): Promise<void> {
  const { plan, control } = sessionOf(world);
  const work = world.works.get(name);
  const link = plan.work.find(({ workVm }) => workVm === name);
  if (link === undefined) throw VmgateError.of(errors.GATE_UNKNOWN_VM, { name, known: [] });
  const isThere = () => {
    // A channel that ended refuses at once too, and says nothing about the VM.
    closed.throwIfAborted();
    if (work === undefined || world.works.get(name) !== work)
      throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
  };
  isThere();
  const began = monotonicMs();
  const word = new FirstWord(world, link.ifname, rhythm.listen);
  while (monotonicMs() - began < READY_MS) {
    if (monotonicMs() - began > rhythm.asked) await word.heard(began + rhythm.silent, isThere);
    const asked = monotonicMs();
    const connected = await control.dial(link.guest, SSH_PORT).then(
      (stream) => (mustSpeak ? speaks(stream) : stream.destroy() !== undefined),
      () => false,
    );
    isThere();
    // Nobody there is told by ARP's silence, after seconds; a refusal comes at once, from the VM itself.
    if (connected || (!mustSpeak && monotonicMs() - asked < REFUSAL_MS)) return;
    if (mustSpeak) await sleep(PAUSE_MS);
  }
  throw VmgateError.of(errors.GATE_WORK_NOT_READY, { name, seconds: READY_MS / 1_000 });
}

/**
 * What a VM says by itself on its link as soon as its card has a driver: a question for an address, for a neighbour. What is
 * sent to it before stays in the wire, and a wire that is full, after ten frames, keeps the gateway's hypervisor busy for
 * as long as the VM boots: QEMU's datagram sockets are not connected, and poll(2) takes such a one for writable.
 */
class FirstWord {
  readonly #count: () => Promise<number>;
  readonly #before: Promise<number>;
  readonly #listenMs: number;
  #isHeard = false;

  constructor(world: World, ifname: string, listenMs: number) {
    this.#listenMs = listenMs;
    const { control } = sessionOf(world);
    this.#count = async () =>
      (await countsOf(control, listenMs)).links.find((link) => link.ifname === ifname)?.rxPackets ?? 0;
    this.#before = this.#count().catch(() => 0);
  }

  /** Resolves at `untilMs` at the latest (monotonic), and where nobody can tell. `isThere` throws when it is over. */
  async heard(untilMs: number, isThere: () => void): Promise<void> {
    const before = await this.#before;
    while (!this.#isHeard && monotonicMs() < untilMs) {
      isThere();
      this.#isHeard = await this.#count().then(
        (count) => count > before,
        () => true,
      );
      if (!this.#isHeard) await sleep(this.#listenMs);
    }
  }
}

interface Reading {
  readonly counts: ReturnType<GatewayControl['counts']>;
  /** Monotonic; Infinity until it is there. */
  settledAt: number;
}

const readings = new WeakMap<GatewayControl, Reading>();

/**
 * One question for all VMs that are waited for, `restMs` after the answer to the one before: a whole ruleset is read for
 * each, and with eight VMs that boot at once one a second from each kept an emulated gateway from everything else.
 */
function countsOf(control: GatewayControl, restMs: number): Reading['counts'] {
  const last = readings.get(control);
  if (last !== undefined && monotonicMs() - last.settledAt < restMs) return last.counts;
  const reading: Reading = { counts: control.counts(), settledAt: Number.POSITIVE_INFINITY };
  const settled = () => {
    reading.settledAt = monotonicMs();
  };
  reading.counts.then(settled, settled);
  readings.set(control, reading);
  return reading.counts;
}

/** Whether an ssh server greets on `stream`, which is closed then. */
async function speaks(stream: Duplex): Promise<boolean> {
  const late = new AbortController();
  const tooLong = setTimeout(() => late.abort(), BANNER_MS);
  try {
    const [first] = (await once(stream, 'data', { signal: late.signal })) as [Buffer];
    return first.toString('latin1').startsWith(BANNER);
  } catch {
    return false;
  } finally {
    clearTimeout(tooLong);
    stream.destroy();
  }
}
