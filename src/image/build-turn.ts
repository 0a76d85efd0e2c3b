/**
 * Builds in one home folder take turns. They share downloaded packages, of which each build removes those that it has newer
 * versions of: one that reads them meanwhile would miss some.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { occur, VmgateError } from '../core/coded.ts';
import { acquireLock, type Lock } from '../home/index.ts';
import { events, type Progress } from './codes.ts';
import type { ImageKind } from './image.ts';

const LOOK_MS = 500;

/** Resolves when no other build works there; as long as that takes. @throws what aborted `signal` */
export async function buildTurn(
  imagesFolder: string,
  kind: ImageKind,
  { progress, signal }: { readonly progress?: Progress; readonly signal?: AbortSignal },
): Promise<Lock> {
  const cache = path.join(imagesFolder, 'cache');
  await mkdir(cache, { recursive: true, mode: 0o700 });
  for (let isTold = false; ; isTold = true) {
    signal?.throwIfAborted();
    try {
      return await acquireLock(path.join(cache, 'lock'));
    } catch (cause) {
      if (!VmgateError.is(cause) || cause.code !== 'HOME_LOCKED') throw cause;
    }
    if (!isTold) progress?.(occur(events.IMAGE_WAITING, { kind }));
    await sleep(LOOK_MS, undefined, signal === undefined ? {} : { signal });
  }
}
