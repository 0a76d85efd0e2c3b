/** Several VPN profiles: in which order, when, and what whoever waits is told meanwhile. */
import { describe, expect, test } from '@jest/globals';
import type { SerializedFault } from '../../../src/core/coded.ts';
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { CLOSE_STEPS, initialState } from '../../../src/core/gate/state.ts';
import { step } from '../../../src/core/gate.ts';
import { GATE_CHECKS } from '../../../src/core/verdict.ts';
import { verdict } from './gate-answers.ts';

const silent: SerializedFault = { code: 'SILENT', exit: 4, what: '', evidence: [], remedy: '', payload: null };

class Play {
  state = initialState([]);
  effects: Effect[] = [];

  constructor(profiles: readonly string[]) {
    this.on({ type: 'configured', workVms: [], profiles });
  }

  on(...events: readonly GateEvent[]): this {
    for (const event of events) {
      const [state, effects] = step(this.state, event);
      this.state = state;
      this.effects.push(...effects);
    }
    return this;
  }

  get generation(): number {
    return this.state.generation;
  }

  booted(): this {
    return this.on({ type: 'booted', generation: this.generation, dhcp: false });
  }

  /** The close under way, to its end. */
  closed(): this {
    for (const name of CLOSE_STEPS) this.on({ type: 'closeStep', step: name, generation: this.generation });
    if (this.state.phase === 'closing') this.on({ type: 'gatewayKilled', generation: this.generation });
    return this;
  }

  /** The tunnel does not answer, and no portal is why. */
  fails(): this {
    const { generation } = this;
    this.on({ type: 'failed', effect: { do: 'pin', generation }, fault: silent }).closed();
    return this.on({ type: 'portalLooked', generation: this.generation, found: undefined, tookMs: 0 });
  }

  opens(): this {
    this.on({ type: 'pinned', generation: this.generation }, { type: 'connected', generation: this.generation });
    const verdicts = GATE_CHECKS.map((check) => verdict(check));
    const claim = { kind: 'round-trip' } as const;
    const { generation } = this;
    return this.on({ type: 'judged', generation, verdicts, claim, nowMs: 0, maxAgeMs: 1e9, everyMs: 1e9 });
  }

  retry(): this {
    return this.on({ type: 'timer', name: 'retry', generation: this.generation });
  }

  /** Profiles that gateways were booted for, by their places. */
  get bootedFor(): readonly number[] {
    return this.effects.flatMap((effect) => (effect.do === 'bootGateway' ? [effect.profile] : []));
  }

  get replies() {
    return this.effects.filter((effect) => effect.do === 'reply');
  }
}

const up = { type: 'up', request: 1, configChanged: false } as const;

describe('two profiles', () => {
  test('the second is tried as soon as the first gave no tunnel, and only then is the answer given', () => {
    const play = new Play(['office', 'home']).on(up).booted().fails();
    expect(play.state.phase).toBe('closing');
    expect(play.replies).toEqual([]);
    play.closed();
    expect(play.bootedFor).toEqual([0, 1]);
    expect(play.state.profiles).toMatchObject({ at: 1, because: { kind: 'fault', fault: { code: 'SILENT' } } });
    play.booted().opens();
    expect(play.replies).toMatchObject([{ to: [1], outcome: { ok: true } }]);
  });

  test('both fail: whoever waits is told, and the first has its turn after the pause', () => {
    const play = new Play(['office', 'home']).on(up).booted().fails().closed().booted().fails();
    expect(play.state.phase).toBe('closed');
    expect(play.replies).toMatchObject([{ to: [1], outcome: { ok: false } }]);
    play.retry().closed();
    expect(play.bootedFor).toEqual([0, 1, 0]);
  });

  test('one that was open is connected once more before the other has its turn', () => {
    const play = new Play(['office', 'home']).on(up).booted().opens();
    const { generation } = play;
    play.on({ type: 'pulsed', generation, verdicts: [] }).closed();
    play.on({ type: 'portalLooked', generation: play.generation, found: undefined, tookMs: 0 });
    expect(play.state.phase).toBe('closed');
    play.retry();
    expect(play.state.phase).toBe('connecting');
    expect(play.bootedFor).toEqual([0]);
    play.fails().closed();
    expect(play.bootedFor).toEqual([0, 1]);
  });

  test('behind a portal none is given up', () => {
    const play = new Play(['office', 'home']).on(up).booted();
    play.on({ type: 'failed', effect: { do: 'pin', generation: play.generation }, fault: silent }).closed();
    play.on({ type: 'portalLooked', generation: play.generation, found: silent, tookMs: 0 });
    expect(play.state).toMatchObject({ phase: 'portal', profiles: { at: 0, missed: 0 } });
  });

  test('a network that changed is no fault of the profile', () => {
    const play = new Play(['office', 'home']).on(up).booted().on({ type: 'shaken', fault: silent }).closed();
    expect(play.state).toMatchObject({ phase: 'closed', profiles: { at: 0, missed: 0 } });
  });

  test('another configuration begins with its first', () => {
    const play = new Play(['office', 'home']).on(up).booted().fails().closed().booted().opens();
    play.on({ type: 'up', request: 2, configChanged: true }).closed();
    expect(play.bootedFor).toEqual([0, 1, 0]);
  });
});

test('with one profile the gateway is kept', () => {
  const play = new Play(['office']).on(up).booted().fails();
  expect(play.state.phase).toBe('closed');
  play.retry();
  expect(play.bootedFor).toEqual([0]);
});
