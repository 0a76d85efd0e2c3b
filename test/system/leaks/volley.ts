/** One of each attempt at once, and what became of it by the count of the lab, the gateway and the guard. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Attempt, type Seen, sendMarked } from '../../../src/drill/index.ts';
import { Installation } from '../../../src/drivers/index.ts';
import type { FrameCounts } from '../../../src/guard/index.ts';
import { LAB, Lab } from '../../../src/lab/index.ts';
import { newToken } from '../../../src/verify/index.ts';
import { publicKeyOf } from '../../../src/vpn/index.ts';
import { currentScripts, labImage } from '../lab/lab-image.ts';
import { ATTEMPTS } from './attempts.ts';
import { LINKS, UPLINK, type WiredGate } from './wired-gate.ts';

/** For the gateway to have looked at everything, on a busy machine under emulation. */
const BARRIER_MS = 20_000;

/**
 * A lab on the wire. Its provider routes the probe link's address to the client: what comes from the VPN's side for a
 * work VM gets as far as it can.
 */
export async function openLab(): Promise<{ readonly lab: Lab; readonly close: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-leak-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const lab = await Lab.start({
      folder: path.join(folder, 'lab'),
      attachment: 'wire',
      image: await labImage(),
      installation: new Installation(),
      overlay: await currentScripts(),
      addressing: UPLINK,
    });
    await admitClient(lab, LINKS.probe.guest);
    return { lab, close: () => lab.stop().finally(removeFolder) };
  } catch (cause) {
    await removeFolder();
    throw cause;
  }
}

/**
 * Lets the lab's client in as if it were new, with these addresses behind it. A server takes no handshake that is older
 * than the last one, and two guests' clocks differ: needed when another machine used the client's key before.
 */
export async function admitClient(lab: Lab, ...behind: readonly string[]): Promise<void> {
  const [, privateKey = ''] = /^PrivateKey = (\S+)$/m.exec(lab.profile) ?? [];
  const addresses = [LAB.client, ...behind].map((address) => `${address}/32`);
  await lab.admit(publicKeyOf(privateKey), addresses);
}

export interface Volley extends Seen {
  /** By how much the gateway's counters rose. */
  readonly counters: Readonly<Record<string, number>>;
  readonly guard: Pick<FrameCounts, 'foreign' | 'canaries'>;
  /** What the gateway sent back, in words. */
  readonly replies: readonly string[];
}

/** From the probe link. `watched`: the guard is told of the marks, as it is of a verification's canaries. */
export async function fromTheProbe(
  lab: Lab,
  gate: WiredGate,
  { attempts = ATTEMPTS, watched = false }: { attempts?: readonly Attempt[]; watched?: boolean } = {},
): Promise<Volley> {
  const { station, guard } = gate;
  const token = newToken();
  guard.watchFor(watched ? [token.hex] : []);
  const before = await settled(gate);
  const replies = station.watch();
  const look = await sendMarked(
    lab,
    attempts,
    (attempt, mark) => station.send(attempt.frame(mark, station.hop)),
    token,
  );
  const after = await settled(gate);
  const seen = await look();
  const risen = Object.entries(after.counters).map(([name, { packets }]) => {
    return [name, packets - (before.counters[name]?.packets ?? 0)] as const;
  });
  return {
    ...seen,
    counters: Object.fromEntries(risen),
    guard: {
      foreign: after.guard.foreign - before.guard.foreign,
      canaries: after.guard.canaries - before.guard.canaries,
    },
    replies: replies(),
  };
}

async function settled({ station, control, guard }: WiredGate) {
  await station.reach(BARRIER_MS);
  const { counters } = await control.counts();
  return { counters, guard: (await guard.sync()).counts };
}

/** @throws what `otherwise` says, when `condition` does not hold within 20 s */
export async function until(condition: () => boolean | Promise<boolean>, otherwise: string): Promise<void> {
  const deadline = Date.now() + BARRIER_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(otherwise);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
