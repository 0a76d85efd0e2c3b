import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Effect } from '../../../src/core/gate/effects.ts';
import { layoutOf } from '../../../src/home/index.ts';
import { effectPlan, effectPoints, nameOf } from '../../../src/lab/effect-points.ts';

const generation = 1;
const BOOT: Effect = { do: 'bootGateway', profile: 0, generation };
const CLOSED: Effect = { do: 'announce', phase: 'closed', reason: undefined, claim: undefined };
const OPEN: Effect = { ...CLOSED, phase: 'open' };
const REPLY: Effect = { do: 'reply', to: [1], outcome: { ok: true, already: false } };

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-points-'));
  log = path.join(folder, 'log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const gate = () => layoutOf(folder).gate('default');
const lines = () => readFileSync(log, 'utf8').trimEnd().split('\n');

test.each<[string, Effect]>([
  ['bootGateway', BOOT],
  ['announce open', OPEN],
  ['timer pulse', { do: 'timer', name: 'pulse', ms: 1, generation }],
  ['lease', { do: 'lease', admitted: ['web'], raise: undefined, generation }],
  ['lease web', { do: 'lease', admitted: ['web'], raise: 'web', generation }],
  ['raiseWork web', { do: 'raiseWork', name: 'web', generation }],
])('%s', (name, effect) => {
  expect(nameOf(effect)).toBe(name);
});

describe('effectPoints', () => {
  test('logs each point once, in order, with the turn it came in; each answer is one of its own', async () => {
    const meet = effectPoints({ log }, gate());
    for (const effect of [BOOT, CLOSED]) meet(effect);
    await nextTurn();
    for (const effect of [REPLY, BOOT, REPLY]) meet(effect);
    expect(lines()).toEqual(['1 bootGateway', '1 announce closed', '2 reply 1', '2 reply 2']);
  });

  test('hits what it was told to, at its point and not before', async () => {
    const victim = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
    try {
      const ended = once(victim, 'exit');
      const strike = { at: 'announce open', part: { pid: victim.pid ?? 0 }, signal: 'SIGKILL' as const };
      const meet = effectPoints(effectPlan.parse({ log, strike }), gate());
      meet(BOOT);
      expect(lines()).toEqual(['1 bootGateway']);
      meet(OPEN);
      expect(await ended).toEqual([null, 'SIGKILL']);
      expect(lines()).toEqual(['1 bootGateway', '1 announce open', `struck ${victim.pid}`]);
    } finally {
      victim.kill('SIGKILL');
    }
  });
});
