/** What sensors, the heartbeat and the configuration's `onLoss` do to a gate, phase by phase. The walk proves the rest. */
import { describe, expect, test } from '@jest/globals';
import type { SerializedFault } from '../../../src/core/coded.ts';
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { CLOSE_STEPS, type GateState, initialState, type Phase } from '../../../src/core/gate/state.ts';
import { step } from '../../../src/core/gate.ts';
import { GATE_CHECKS } from '../../../src/core/verdict.ts';
import { verdict } from './gate-answers.ts';

const slept: SerializedFault = {
  code: 'SENSOR_TIME_LOST',
  exit: 4,
  what: 'this machine slept for 60 s',
  evidence: [],
  remedy: '',
  payload: null,
};
const verdicts = GATE_CHECKS.map((check) => verdict(check));
const EVERY_MS = 30_000;
const MAX_AGE_MS = 60_000;

class Play {
  state: GateState = initialState([]);
  #effects: Effect[] = [];

  constructor(onLoss: 'block' | 'pause' | 'stop' = 'block') {
    this.on({ type: 'configured', workVms: [{ name: 'a', onLoss }], profiles: ['vpn'] });
  }

  on(...events: readonly GateEvent[]): this {
    for (const event of events) {
      const [state, effects] = step(this.state, event);
      this.state = state;
      this.#effects.push(...effects);
    }
    return this;
  }

  did(): readonly Effect[] {
    return this.#effects.splice(0);
  }

  order(): readonly string[] {
    return this.did().map((effect) => ('name' in effect ? `${effect.do} ${effect.name}` : effect.do));
  }

  /** On the way up as far as `phase`. */
  to(phase: 'booting' | 'connecting' | 'verifying' | 'open'): this {
    this.on({ type: 'up', request: 1, configChanged: false });
    const way: readonly [Phase, () => GateEvent][] = [
      ['booting', () => ({ type: 'booted', generation: this.state.generation, dhcp: false })],
      ['connecting', () => ({ type: 'pinned', generation: this.state.generation })],
      ['connecting', () => ({ type: 'connected', generation: this.state.generation })],
      ['verifying', () => this.judged()],
    ];
    for (const [from, event] of way) if (this.state.phase === from && from !== phase) this.on(event());
    expect(this.state.phase).toBe(phase);
    return this;
  }

  judged(nowMs = 0): GateEvent {
    const claim = { kind: 'round-trip' } as const;
    const { generation } = this.state;
    return { type: 'judged', generation, verdicts, claim, nowMs, maxAgeMs: MAX_AGE_MS, everyMs: EVERY_MS };
  }

  pulseTimer(): GateEvent {
    return { type: 'timer', name: 'pulse', generation: this.state.generation };
  }

  /** The steps of the close, one after the other. */
  closedNow(): this {
    for (const name of CLOSE_STEPS) this.on({ type: 'closeStep', step: name, generation: this.state.generation });
    return this;
  }

  withVm(): this {
    return this.on({ type: 'adopted', name: 'a' });
  }
}

describe('what was verified counts no more', () => {
  test.each(['connecting', 'verifying', 'open'] as const)('%s: it closes first, and keeps its gateway', (phase) => {
    const play = new Play().to(phase);
    play.did();
    play.on({ type: 'shaken', fault: slept });
    const [first] = play.did();
    expect(first).toEqual({ do: 'disarmGuard' });
    expect(play.state).toMatchObject({ phase: 'closing', reason: { kind: 'fault', fault: slept }, receipt: undefined });
    play.closedNow();
    expect(play.state).toMatchObject({ phase: 'closed', gatewayAlive: true });
  });

  test('the next attempt is a second away, whatever failed before on another network', () => {
    const play = new Play().to('verifying');
    const refuted = verdicts.map((verdict) => ({ ...verdict, outcome: 'unknown' as const }));
    for (const _ of [1, 2]) {
      play.on({ ...play.judged(), verdicts: refuted } as GateEvent).closedNow();
      play.on({ type: 'timer', name: 'retry', generation: play.state.generation });
      const { generation } = play.state;
      play.on({ type: 'pinned', generation }, { type: 'connected', generation });
    }
    play.did();
    play.on({ type: 'shaken', fault: slept }).closedNow();
    expect(play.did().at(-1)).toMatchObject({ do: 'timer', name: 'retry', ms: 1_000 });
  });

  test('a heartbeat that was late because of it arms nothing', () => {
    const play = new Play().to('open');
    play.did();
    play.on({ type: 'shaken', fault: slept }, { type: 'tick', nowMs: 1 });
    expect(play.order()).not.toContain('armGuard');
  });

  test('closed: it connects at once, for the network may just have come back', () => {
    const play = new Play().to('open').on({ type: 'shaken', fault: slept }).closedNow();
    play.did();
    play.on({ type: 'shaken', fault: slept });
    expect(play.state.phase).toBe('connecting');
    expect(play.order()).toContain('pin');
  });

  test('closed, with a gateway that does not boot: it keeps to its backoff', () => {
    const play = new Play().to('open');
    const broken = { ...slept, exit: 5 as const };
    const { generation } = play.state;
    play.on({ type: 'partLost', generation, fault: broken }).closedNow();
    for (const _ of [1, 2]) {
      const now = play.state.generation;
      play.on({ type: 'gatewayKilled', generation: now });
      const boot = play.state.generation;
      if (play.state.phase === 'booting')
        play
          .on({ type: 'failed', effect: { do: 'bootGateway', profile: 0, generation: boot }, fault: broken })
          .closedNow();
    }
    expect(play.state).toMatchObject({ phase: 'closed', gatewayAlive: false });
    const before = play.state;
    expect(play.on({ type: 'shaken', fault: slept }).state).toEqual(before);
  });

  test.each<[string, (play: Play) => Play]>([
    ['down', (play) => play],
    ['booting', (play) => play.to('booting')],
    [
      'violated',
      (play) => {
        play.to('open').on({ type: 'violation', fault: slept }).closedNow();
        return play.on({ type: 'gatewayKilled', generation: play.state.generation });
      },
    ],
  ])('%s: nothing stands on it', (phase, bring) => {
    const play = bring(new Play());
    play.did();
    const before = play.state;
    expect(play.on({ type: 'shaken', fault: slept }).state).toBe(before);
    expect([before.phase, ...play.order()]).toEqual([phase]);
  });
});

describe('the heartbeat', () => {
  test('arms the guard, then asks for the verification that is due, once', () => {
    const play = new Play().to('open');
    play.did();
    play.on({ type: 'tick', nowMs: EVERY_MS - 1 }, play.pulseTimer());
    expect(play.order()).toEqual(['armGuard', 'pulse']);
    play.on({ type: 'tick', nowMs: EVERY_MS }, play.pulseTimer());
    expect(play.order()).toEqual(['armGuard', 'verify']);
    // It is under way.
    play.on({ type: 'tick', nowMs: EVERY_MS + 1_000 }, play.judged(EVERY_MS + 1_500), play.pulseTimer());
    expect(play.order()).toEqual(['armGuard', 'writeReceipt', 'lease', 'pulse']);
  });

  test('closes a gate whose receipt is past its time', () => {
    const play = new Play().to('open');
    play.did();
    play.on({ type: 'tick', nowMs: MAX_AGE_MS - 1 });
    expect(play.state.phase).toBe('open');
    play.on({ type: 'tick', nowMs: MAX_AGE_MS });
    expect(play.state).toMatchObject({ phase: 'closing', reason: { kind: 'expired' } });
  });

  test('a verification is due before half of the receipt is over, whatever `every` says', () => {
    const play = new Play().to('verifying');
    play.on({ ...play.judged(), everyMs: MAX_AGE_MS } as GateEvent);
    expect(play.state.reverifyAtMs).toBe(MAX_AGE_MS / 2);
  });
});

describe('asked to verify', () => {
  test('the next pulse is a full verification', () => {
    const play = new Play().to('open');
    play.did();
    play.on({ type: 'recheck' }, play.pulseTimer(), play.judged(), play.pulseTimer());
    expect(play.order()).toEqual(['verify', 'writeReceipt', 'lease', 'pulse']);
  });

  test('while one is under way: there is another one after it, which has seen everything', () => {
    const play = new Play().to('open').on({ type: 'recheck' });
    play.on(play.pulseTimer());
    play.did();
    play.on({ type: 'recheck' }, play.judged(), play.pulseTimer());
    expect(play.order()).toEqual(['writeReceipt', 'lease', 'verify']);
  });

  test('asking often makes no verification that goes on by itself', () => {
    const play = new Play().to('open');
    for (const _ of [1, 2, 3]) play.on({ type: 'recheck' }, play.pulseTimer(), play.judged());
    play.did();
    play.on({ type: 'tick', nowMs: EVERY_MS }, play.pulseTimer(), play.judged(EVERY_MS));
    for (const _ of [1, 2, 3]) play.on({ type: 'tick', nowMs: EVERY_MS + 1_000 }, play.pulseTimer());
    expect(play.order().filter((name) => name === 'verify')).toHaveLength(1);
  });

  test('a gate that is not open has nothing to verify anew', () => {
    const play = new Play().to('verifying').on({ type: 'recheck' });
    expect(play.state.reverifyDue).toBe(false);
  });
});

describe('onLoss', () => {
  test.each<['block' | 'pause' | 'stop', readonly string[], string]>([
    ['block', [], 'running'],
    ['pause', ['pauseWork a'], 'running'],
    ['stop', ['stopWork a'], 'stopping'],
  ])('%s: once the wires are down', (onLoss, orders, status) => {
    const play = new Play('block').to('open').withVm();
    play.on(
      { type: 'configured', workVms: [{ name: 'a', onLoss }], profiles: ['vpn'] },
      { type: 'shaken', fault: slept },
    );
    play.did();
    play.on({ type: 'closeStep', step: 'dropLeases', generation: play.state.generation });
    expect(play.order()).toEqual(['lowerLinks']);
    play.on({ type: 'closeStep', step: 'lowerLinks', generation: play.state.generation });
    expect(play.order()).toEqual(['flushConntrack', ...orders]);
    expect(play.state.work['a']?.status).toBe(status);
  });

  test('wires that could not be set down: the order is given all the same, and lowers them first', () => {
    const play = new Play('pause').to('open').withVm().on({ type: 'shaken', fault: slept });
    const { generation } = play.state;
    play.on({ type: 'closeStep', step: 'dropLeases', generation });
    play.did();
    play.on({ type: 'failed', effect: { do: 'lowerLinks', generation }, fault: slept });
    expect(play.order()).toContain('pauseWork a');
  });

  test('down: no VM is paused that is to hear its power button', () => {
    const play = new Play('pause').to('open').withVm();
    play.did();
    play.on({ type: 'down', request: 2 }).closedNow();
    play.on({ type: 'gatewayKilled', generation: play.state.generation });
    expect(play.order()).not.toContain('pauseWork a');
    expect(play.state.work['a']?.status).toBe('stopping');
  });

  test.each<['pause' | 'stop', string]>([
    ['pause', 'pauseWork a'],
    ['stop', 'stopWork a'],
  ])('%s: a VM that ran on without a supervisor too', (onLoss, order) => {
    const play = new Play(onLoss);
    play.did();
    expect(play.withVm().order()).toEqual([order]);
  });

  test('a VM that left the configuration while it runs keeps what it said', () => {
    const play = new Play('block').to('open').withVm();
    play.on(
      { type: 'configured', workVms: [{ name: 'a', onLoss: 'pause' }], profiles: ['vpn'] },
      { type: 'configured', workVms: [], profiles: ['vpn'] },
    );
    expect(play.state.onLoss).toEqual({ a: 'pause' });
    play.on({ type: 'workEnded', name: 'a' }, { type: 'configured', workVms: [], profiles: ['vpn'] });
    expect(play.state.onLoss).toEqual({});
  });

  test('one that cannot be paused costs nobody anything: its wire is down', () => {
    const play = new Play('pause').to('open').withVm().on({ type: 'shaken', fault: slept }).closedNow();
    const before = play.state;
    play.did();
    play.on({ type: 'failed', effect: { do: 'pauseWork', name: 'a' }, fault: { ...slept, exit: 5 } });
    expect(play.state).toBe(before);
    expect(play.did()).toEqual([]);
  });

  test('open again: judged, leased, and only then let go', () => {
    const play = new Play('pause').to('open').withVm().on({ type: 'shaken', fault: slept }).closedNow();
    play.on({ type: 'timer', name: 'retry', generation: play.state.generation });
    const { generation } = play.state;
    play.on({ type: 'pinned', generation }, { type: 'connected', generation });
    play.did();
    play.on(play.judged());
    expect(play.order()).toEqual(['announce', 'writeReceipt', 'lease', 'judgeWork a']);
    const [definition] = verdicts;
    if (definition === undefined) throw new Error('no verdict');
    play.on({ type: 'defined', name: 'a', generation, verdict: { ...definition, check: 'definition' } });
    expect(play.order()).toEqual(['lease']);
    play.on({ type: 'leased', raise: 'a', generation });
    expect(play.order()).toEqual(['raiseWork a']);
  });
});
