/**
 * Every fault of the drill's table while a gate is open and its work VM talks: QMP stop and cont, reset, panic, ruleset
 * flushed, tunnel deleted, tmpfs full, parts killed and frozen (P5, P9; leak cases 19, 21, 22, 64, 65).
 */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { FAULTS } from '../../../src/drill/faults.ts';
import { Lane } from '../../../src/drill/lane.ts';
import { compileProgram, type Program } from '../../system/leaks/stage.ts';
import { drillImages } from './drill-images.ts';

jest.setTimeout(150_000);
const BOOT_MS = 300_000;

let program: Program;
let images: Awaited<ReturnType<typeof drillImages>>;
let lane: Lane;
beforeAll(async () => {
  program = await compileProgram();
  images = await drillImages();
  const signal = new AbortController().signal;
  lane = await Lane.open({ images: images.folder, program: path.join(program.dist, 'main.js'), signal });
}, BOOT_MS);
afterAll(async () => {
  await lane?.close();
  await images?.remove();
  await program?.remove();
});

describe('with the guard', () => {
  test.each(FAULTS)('$id: $about', async (fault) => {
    const { leaked, heldBytes, tried, stuck } = await lane.cycle(fault);
    expect({ leaked, heldBytes, stuck }).toEqual({ leaked: { lab: 0, uplink: 0 }, heldBytes: 0, stuck: undefined });
    expect(tried).toBeGreaterThanOrEqual(200);
    expect(await lane.status()).toMatchObject({ phase: 'open', uplink: { foreign: 0 } });
  });
});
