/** `screenshot`: what a work VM's screen shows, as the bytes of a PNG. No file of it stays. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import type { Exchange } from './server.ts';
import { runningOf } from './work.ts';
import type { World } from './world.ts';

/** The guest chooses the size of its screen: VGA's memory holds 16 MiB of pixels, and noise does not get smaller. */
const MAX_BYTES = 64 * 1_048_576;

/**
 * The result says how many bytes follow.
 *
 * @throws GATE_WORK_NOT_RUNNING, GATE_NO_SCREEN, GATE_SCREEN_TOO_LARGE, and what the driver throws
 */
export async function sendScreenshot(world: World, name: string, exchange: Exchange): Promise<void> {
  const work = runningOf(world, name);
  const { displays } = await work.facts();
  if (displays.length === 0) throw VmgateError.of(errors.GATE_NO_SCREEN, { name });
  const file = path.join(world.layout.work(name), `screen-${randomUUID()}.png`);
  let picture: FileHandle;
  try {
    await work.screenshot(file);
    picture = await open(file, 'r');
  } finally {
    await rm(file, { force: true });
  }
  try {
    const { size: bytes } = await picture.stat();
    if (bytes > MAX_BYTES) throw VmgateError.of(errors.GATE_SCREEN_TOO_LARGE, { name, bytes, most: MAX_BYTES });
    await pipeline(picture.createReadStream({ autoClose: false }), exchange.raw({ bytes })).catch(() => undefined); // The client has gone.
  } finally {
    await picture.close();
  }
}
