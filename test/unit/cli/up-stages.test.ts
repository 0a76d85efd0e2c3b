import { describe, expect, test } from '@jest/globals';
import { type StageName, UpStages } from '../../../src/cli/up-stages.ts';
import { type EventCode, occur } from '../../../src/core/coded.ts';
import { GATE_CHECKS } from '../../../src/core/verdict.ts';
import { events } from '../../../src/supervisor/codes.ts';

async function standing(stages: UpStages, name: StageName): Promise<string> {
  const waiting = new Promise<string>((resolve) => setImmediate(() => resolve('(waiting)')));
  return Promise.race([stages.of(name).done.catch((cause: Error) => `failed: ${cause.message}`), waiting]);
}

function observe<P>(stages: UpStages, code: EventCode<P>, payload: P): void {
  stages.observe(occur(code, payload));
}

const phase = (name: 'booting' | 'connecting' | 'verifying' | 'open') => ({ gate: 'default', phase: name, why: '' });

describe('the stages of up', () => {
  test('fill in as the supervisor tells them', async () => {
    const stages = new UpStages();
    observe(stages, events.GATE_PHASE, phase('booting'));
    expect(await standing(stages, 'gateway')).toBe('(waiting)');
    observe(stages, events.GATE_STEP, { step: 'gateway booted', ms: 2_700, detail: '' });
    expect(await standing(stages, 'gateway')).toBe('');
    const pinned = { host: 'vpn.example', address: '198.51.100.10', port: 51_820, answered: [] };
    observe(stages, events.GATE_PINNED, pinned);
    expect(await standing(stages, 'vpn')).toBe('(waiting)');
    observe(stages, events.GATE_PHASE, phase('verifying'));
    expect(await standing(stages, 'vpn')).toBe('198.51.100.10:51820');
    observe(stages, events.GATE_CHECK, { check: 'dns', outcome: 'verified', summary: 'answered \u001b[2J', ms: 3 });
    expect(await standing(stages, 'dns')).toBe('answered \\x1b[2J');
    observe(stages, events.GATE_CHECK, { check: 'exit', outcome: 'refuted', summary: 'wrong place', ms: 3 });
    expect(await standing(stages, 'exit')).toBe('failed: refuted: wrong place');
    observe(stages, events.GATE_CHECK, { check: 'image', outcome: 'unknown', summary: 'not looked at', ms: 3 });
    expect(await standing(stages, 'image')).toBe('failed: unknown: not looked at');
  });

  test('of a gate that was under way already', async () => {
    const stages = new UpStages();
    observe(stages, events.GATE_PHASE, phase('open'));
    expect([await standing(stages, 'gateway'), await standing(stages, 'vpn')]).toEqual(['', '']);
  });

  test('end with it: what is open is done, or failed for the same reason', async () => {
    const [fine, failed] = [new UpStages(), new UpStages()];
    fine.end(undefined);
    failed.end('the VPN server did not answer');
    for (const name of ['gateway', ...GATE_CHECKS] as const) {
      expect(await standing(fine, name)).toBe('');
      expect(await standing(failed, name)).toBe('failed: the VPN server did not answer');
    }
  });

  test('payloads of another version move nothing and throw nothing', () => {
    const stages = new UpStages();
    for (const code of ['GATE_PHASE', 'GATE_CHECK', 'GATE_PINNED']) {
      for (const payload of [null, 7, {}, { check: 'new', outcome: 1 }]) {
        expect(() => stages.observe({ code, at: '', level: 'info', text: '', payload })).not.toThrow();
      }
    }
  });
});
