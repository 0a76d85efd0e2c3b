import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SerializedFault } from '../../../src/core/coded.ts';
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { CLOSE_STEPS, type GateState, initialState, isArmed } from '../../../src/core/gate/state.ts';
import { step } from '../../../src/core/gate.ts';
import { PULSE_CHECKS } from '../../../src/core/opening.ts';
import { type CheckName, GATE_CHECKS, type Outcome, type Verdict } from '../../../src/core/verdict.ts';
import { answerTo, verdict } from './gate-answers.ts';

const allVerified = GATE_CHECKS.map((check) => verdict(check));
const claim = { kind: 'round-trip' } as const;
const refused: SerializedFault = { code: 'X', exit: 4, what: 'x', evidence: [], remedy: 'y', payload: null };
const broken: SerializedFault = { ...refused, exit: 5 };

/** Plays events against the machine and keeps every effect in order. */
class Play {
  state: GateState = initialState(['a', 'b']);
  effects: Effect[] = [];

  on(...events: readonly GateEvent[]): this {
    for (const event of events) {
      const [state, effects] = step(this.state, event);
      this.state = state;
      this.effects.push(...effects);
    }
    return this;
  }

  /** The effects since the last call, by name. */
  did(): readonly string[] {
    return this.effects.splice(0).map((effect) => effect.do);
  }

  verified(verdicts: readonly Verdict[] = allVerified): GateEvent {
    return {
      type: 'judged',
      generation: this.state.generation,
      verdicts,
      claim,
      nowMs: 0,
      maxAgeMs: 60_000,
      everyMs: 30_000,
    };
  }

  opened(): this {
    this.on({ type: 'up', request: 1, configChanged: false });
    this.on({ type: 'booted', generation: this.state.generation, dhcp: false });
    this.on({ type: 'pinned', generation: this.state.generation });
    this.on({ type: 'connected', generation: this.state.generation });
    return this.on(this.verified());
  }

  started(name: string): this {
    const { generation } = this.state;
    this.on({ type: 'start', request: 2, name, nowMs: 1 });
    this.on({ type: 'defined', name, generation, verdict: verdict('definition') });
    this.on({ type: 'leased', raise: name, generation });
    return this.on({ type: 'raised', name, generation }, { type: 'ready', name, generation });
  }

  /** No portal is found. */
  closedNow(): this {
    const { generation } = this.state;
    for (const name of CLOSE_STEPS) this.on({ type: 'closeStep', step: name, generation });
    if (this.state.look !== 'asked') return this;
    return this.on({ type: 'portalLooked', generation, found: undefined, tookMs: 0 });
  }
}

describe('a changed configuration', () => {
  const refuted = (play: Play) => play.on(play.verified([...allVerified.slice(1), verdict('exit', 'refuted')]));
  const verifyAgain = (play: Play) => {
    const { generation } = play.state;
    return play.on({ type: 'pinned', generation }, { type: 'connected', generation });
  };
  /** Refused over and over: from then on a gateway that ends is booted again only after a while. */
  const refusedTwice = () => {
    const play = refuted(
      verifyAgain(
        new Play().on({ type: 'up', request: 1, configChanged: false }, { type: 'booted', generation: 1, dhcp: false }),
      ),
    ).closedNow();
    expect(play.state).toMatchObject({ phase: 'closed', reason: { kind: 'verdicts' } });
    play.on({ type: 'timer', name: 'retry', generation: play.state.generation });
    return verifyAgain(play);
  };

  test.each<[string, (play: Play) => Play]>([
    ['closed', (play) => refuted(play).closedNow()],
    ['closing', refuted],
    ['verifying', (play) => play],
  ])('is booted at once where the old one was refused: %s', (phase, bring) => {
    const play = bring(refusedTwice());
    expect(play.state.phase).toBe(phase);
    play.did();
    play.on({ type: 'up', request: 7, configChanged: true }).closedNow();
    play.on({ type: 'gatewayKilled', generation: play.state.generation });
    expect(play.state).toMatchObject({ phase: 'booting', upWaiters: [7] });
    expect(play.did()).not.toContain('reply');
  });

  test('does not hide a violation that came before it', () => {
    const play = new Play().opened().on({ type: 'violation', fault: refused });
    play.on({ type: 'up', request: 7, configChanged: true }).closedNow();
    play.on({ type: 'gatewayKilled', generation: play.state.generation });
    expect(play.state).toMatchObject({ phase: 'violated', reason: { kind: 'fault', fault: refused } });
  });
});

describe('the way up', () => {
  test('boot, pin, arm, tunnel, verify, open: in that order', () => {
    const play = new Play().opened();
    expect(play.state.phase).toBe('open');
    expect(play.did()).toEqual([
      ...['announce', 'bootGateway', 'announce', 'pin', 'armGuard', 'startTunnel', 'announce', 'verify'],
      ...['announce', 'writeReceipt', 'lease', 'reply'],
    ]);
  });

  test('where the network gives the address: DHCP alone, then the same way with a policy and a generation of its own', () => {
    const play = new Play().on({ type: 'up', request: 1, configChanged: false });
    play.on({ type: 'booted', generation: 1, dhcp: true });
    expect(play.state).toMatchObject({ phase: 'addressing', pinned: false });
    play.on({ type: 'dhcpAdmitted', generation: 2 });
    expect(isArmed(play.state)).toBe(true);
    play.on({ type: 'addressed', generation: 2 });
    expect(play.state).toMatchObject({ phase: 'connecting', pinned: false, generation: 3 });
    play.on({ type: 'pinned', generation: 3 }, { type: 'connected', generation: 3 }, play.verified());
    expect(play.state.phase).toBe('open');
    expect(play.did()).toEqual([
      ...['announce', 'bootGateway', 'announce', 'admitDhcp', 'armGuard', 'askAddress'],
      ...['disarmGuard', 'announce', 'pin', 'armGuard', 'startTunnel', 'announce', 'verify'],
      ...['announce', 'writeReceipt', 'lease', 'reply'],
    ]);
  });

  test('no usable address: closed, the gateway stays and asks again; an address of an older attempt is none', () => {
    const play = new Play().on({ type: 'up', request: 1, configChanged: false });
    play.on({ type: 'booted', generation: 1, dhcp: true }, { type: 'dhcpAdmitted', generation: 2 });
    play.on({ type: 'failed', effect: { do: 'askAddress', generation: 2 }, fault: refused }).closedNow();
    expect(play.state).toMatchObject({
      phase: 'closed',
      gatewayAlive: true,
      reason: { kind: 'fault', fault: refused },
    });
    const { state } = play;
    play.on({ type: 'addressed', generation: 2 });
    expect(play.state).toBe(state);
    play.did();
    play.on({ type: 'timer', name: 'retry', generation: state.generation });
    expect(play.did()).toEqual(['announce', 'admitDhcp']);
  });

  test('a gateway that follows one with DHCP may have none', () => {
    const play = new Play().on({ type: 'up', request: 1, configChanged: false });
    play.on({ type: 'booted', generation: 1, dhcp: true });
    play.on({ type: 'partLost', generation: 2, fault: broken }).closedNow();
    play.on({ type: 'gatewayKilled', generation: play.state.generation });
    play.did();
    play.on({ type: 'booted', generation: play.state.generation, dhcp: false });
    expect(play.did()).toEqual(['announce', 'pin']);
  });

  test.each(['refuted', 'unknown', 'not asked'] as const)('any check that is %s keeps it closed', (outcome) => {
    for (const check of GATE_CHECKS.filter((name) => name !== 'exit')) {
      const play = new Play();
      play.on({ type: 'up', request: 1, configChanged: false });
      play.on({ type: 'booted', generation: play.state.generation, dhcp: false });
      play.on({ type: 'pinned', generation: play.state.generation });
      play.on({ type: 'connected', generation: play.state.generation });
      play.did();
      play.on(play.verified(allVerified.map((found) => (found.check === check ? verdict(check, outcome) : found))));
      expect(play.state.phase).toBe('closing');
      expect(play.did()).not.toContain('lease');
    }
  });

  test('a missing or doubled check is not a complete verification', () => {
    for (const verdicts of [allVerified.slice(1), [...allVerified, verdict('tunnel', 'verified')], []]) {
      const play = new Play().on({ type: 'up', request: 1, configChanged: false });
      play.on(
        { type: 'booted', generation: 1, dhcp: false },
        { type: 'pinned', generation: 2 },
        { type: 'connected', generation: 2 },
      );
      play.on(play.verified(verdicts));
      expect(play.state.phase).toBe('closing');
    }
  });

  test('a machine that cannot boot a gateway undoes the up; a silent network is retried', () => {
    const machine = new Play().on({ type: 'up', request: 7, configChanged: false });
    machine.on({ type: 'failed', effect: { do: 'bootGateway', profile: 0, generation: 1 }, fault: broken });
    machine.closedNow().on({ type: 'gatewayKilled', generation: machine.state.generation });
    expect(machine.state.phase).toBe('down');
    expect(machine.effects).toContainEqual({
      do: 'reply',
      to: [7],
      outcome: { ok: false, because: { kind: 'fault', fault: broken } },
    });
    expect(machine.did()).toContain('exit');

    const network = new Play().on(
      { type: 'up', request: 7, configChanged: false },
      { type: 'booted', generation: 1, dhcp: false },
    );
    network.on({ type: 'failed', effect: { do: 'startTunnel', generation: 2 }, fault: refused }).closedNow();
    expect(network.state.phase).toBe('closed');
    expect(network.did().slice(-2)).toEqual(['reply', 'timer']);
    network.on({ type: 'timer', name: 'retry', generation: network.state.generation });
    expect(network.state.phase).toBe('connecting');
  });
});

describe('closing', () => {
  const causes: readonly [string, (play: Play) => GateEvent][] = [
    [
      'a pulse that is not verified',
      (play) =>
        pulse(
          play,
          PULSE_CHECKS.map((check) => verdict(check, 'unknown')),
        ),
    ],
    [
      'a pulse that lacks a check',
      (play) =>
        pulse(
          play,
          PULSE_CHECKS.slice(1).map((check) => verdict(check)),
        ),
    ],
    ['a violation', () => ({ type: 'violation', fault: refused })],
    ['a lost part', (play) => ({ type: 'partLost', generation: play.state.generation, fault: broken })],
    ['a lease that fails', (play) => leaseFails(play)],
    ['down', () => ({ type: 'down', request: 9 })],
    ['a changed configuration', () => ({ type: 'up', request: 9, configChanged: true })],
  ];
  test.each(causes)('%s closes in the closing order, guard first', (_, cause) => {
    const play = new Play().opened().started('a');
    play.did();
    play.on(cause(play));
    expect(play.state.receipt).toBeUndefined();
    expect(play.state.work['a']?.admitted).toBe(false);
    play.closedNow();
    const order = play.did().filter((name) => ['disarmGuard', 'revokeReceipt', ...CLOSE_STEPS].includes(name));
    expect(order).toEqual(['disarmGuard', 'revokeReceipt', ...CLOSE_STEPS]);
  });

  test('a step that fails does not hold up the next, but costs the gateway its life', () => {
    const play = new Play().opened();
    play.on(pulse(play, []));
    const { generation } = play.state;
    play.did();
    play.on({ type: 'failed', effect: { do: 'dropLeases', generation }, fault: broken });
    play.on(
      { type: 'closeStep', step: 'lowerLinks', generation },
      { type: 'closeStep', step: 'flushConntrack', generation },
    );
    expect(play.did()).toEqual(['lowerLinks', 'flushConntrack', 'killGateway']);
    play.on({ type: 'gatewayKilled', generation });
    expect(play.state.phase).toBe('booting');
  });

  test('a link that comes up after all is lowered by an order of its own, which is no step of the close', () => {
    const play = new Play().opened().started('a');
    const { generation } = play.state;
    play.on(pulse(play, []));
    play.on({ type: 'closeStep', step: 'dropLeases', generation: play.state.generation });
    play.did();
    play.on({ type: 'raised', name: 'a', generation });
    expect(play.did()).toEqual(['lowerLink']);
    expect(play.state.closing?.step).toBe('lowerLinks');
    play.on({ type: 'failed', effect: { do: 'lowerLink', name: 'a' }, fault: broken });
    expect(play.state).toMatchObject({ phase: 'closing', closing: { target: 'booting' } });
  });

  test('the failure of an earlier start of the same VM does not reach the one after it, nor leave its link up unleased', () => {
    const play = new Play().opened();
    const { generation } = play.state;
    play.on({ type: 'start', request: 5, name: 'a', nowMs: 1 }, { type: 'stop', request: 6, name: 'a', force: true });
    play.on({ type: 'workEnded', name: 'a' }).started('a');
    const { state } = play;
    play.did();
    for (const name of ['defineWork', 'judgeWork'] as const) {
      play.on({ type: 'failed', effect: { do: name, name: 'a', generation }, fault: broken });
    }
    expect(play.state).toBe(state);
    play.on({ type: 'failed', effect: { do: 'raiseWork', name: 'a', generation }, fault: broken });
    expect(play.state.work['a']).toMatchObject({ status: 'running', admitted: false });
    expect(play.did()).toEqual(['lowerLink']);
  });

  test('a receipt that could not be written closes its own generation, and no later one', () => {
    const play = new Play().opened();
    const [written] = play.effects.filter((effect) => effect.do === 'writeReceipt');
    if (written === undefined) throw new Error('no receipt was written');
    play.on(pulse(play, [])).closedNow();
    play.on({ type: 'timer', name: 'retry', generation: play.state.generation });
    const { generation } = play.state;
    play.on({ type: 'pinned', generation }, { type: 'connected', generation }, play.verified());
    play.on({ type: 'failed', effect: written, fault: broken });
    expect(play.state.phase).toBe('open');
    play.on({ type: 'failed', effect: { ...written, generation }, fault: broken });
    expect(play.state.phase).toBe('closing');
  });

  test('an answer of an older generation changes nothing', () => {
    const play = new Play().opened();
    const { generation } = play.state;
    play.on(pulse(play, [])).closedNow();
    play.on({ type: 'timer', name: 'retry', generation: play.state.generation });
    play.did();
    const before = play.state;
    play.on({ type: 'judged', generation, verdicts: allVerified, claim, nowMs: 0, maxAgeMs: 60_000, everyMs: 30_000 });
    play.on(
      { type: 'booted', generation, dhcp: false },
      { type: 'connected', generation },
      { type: 'timer', name: 'pulse', generation },
    );
    expect(play.state).toEqual(before);
    expect(play.did()).toEqual([]);
  });

  test('a violated gate stays so until somebody says up, which boots a fresh gateway', () => {
    const play = new Play().opened();
    play.on({ type: 'violation', fault: refused }).closedNow();
    play.on({ type: 'gatewayKilled', generation: play.state.generation });
    expect(play.state.phase).toBe('violated');
    play.did();
    play.on({ type: 'tick', nowMs: 0 }, { type: 'timer', name: 'retry', generation: play.state.generation });
    expect(play.did()).toEqual([]);
    play.on({ type: 'up', request: 3, configChanged: false });
    expect(play.did()).toContain('bootGateway');
  });

  test.each<[CheckName, Outcome, boolean]>([
    ['ruleset', 'refuted', true],
    ['routes', 'refuted', true],
    ['canary', 'refuted', true],
    ['routes', 'unknown', false],
    ['tunnel', 'refuted', false],
    ['exit', 'refuted', false],
  ])('%s %s: a fresh gateway: %s', (check, outcome, isFresh) => {
    const play = new Play().opened();
    play.did();
    const verdicts = allVerified.map((each) => (each.check === check ? verdict(check, outcome) : each));
    play.on(play.verified(verdicts)).closedNow();
    expect(play.did().includes('killGateway')).toBe(isFresh);
  });

  test('a gateway whose checks stay unanswered on a tunnel that connects is replaced, every third time', () => {
    const play = new Play().opened();
    const silent = allVerified.map((each) => (each.check === 'dns' ? verdict('dns', 'unknown') : each));
    const replaced = Array.from({ length: 6 }, () => {
      play.did();
      play.on(play.verified(silent)).closedNow();
      const kills = play.did().includes('killGateway');
      if (kills) play.on({ type: 'gatewayKilled', generation: play.state.generation });
      expect(play.state.phase).toBe('closed');
      play.on({ type: 'timer', name: 'retry', generation: play.state.generation });
      expect(play.state.phase).toBe(kills ? 'booting' : 'connecting');
      if (kills) play.on({ type: 'booted', generation: play.state.generation, dhcp: false });
      play.on({ type: 'pinned', generation: play.state.generation });
      play.on({ type: 'connected', generation: play.state.generation });
      return kills;
    });
    expect(replaced).toEqual([false, false, true, false, false, true]);
  });

  test('what a close brings about itself does not stand in for why it began', () => {
    const play = new Play().opened().on({ type: 'violation', fault: refused });
    play.on({ type: 'partLost', generation: play.state.generation, fault: broken });
    expect(play.state.reason).toEqual({ kind: 'fault', fault: refused });
  });
});

describe('work VMs', () => {
  test('link up last, after definition and lease', () => {
    const play = new Play().opened();
    play.did();
    play.started('a');
    expect(play.did()).toEqual(['defineWork', 'resumeWork', 'lease', 'raiseWork', 'awaitReady', 'reply']);
  });

  test.each(['down', 'booting', 'connecting', 'verifying', 'closing', 'closed', 'violated'] as const)(
    'start while %s makes no process',
    (phase) => {
      const play = new Play();
      play.state = { ...play.state, phase };
      play.on({ type: 'start', request: 5, name: 'a', nowMs: 0 });
      expect(play.did()).toEqual(['reply']);
    },
  );

  test('an expired receipt serves nobody', () => {
    const play = new Play().opened();
    play.did();
    play.on({ type: 'start', request: 5, name: 'a', nowMs: 60_000 });
    expect(play.did()).toEqual(['reply']);
  });

  test('a definition refuted, or judged too late, ends the frozen process', () => {
    const refuted = new Play().opened();
    refuted.on({ type: 'start', request: 5, name: 'a', nowMs: 0 });
    refuted.did();
    const { generation } = refuted.state;
    refuted.on({ type: 'defined', name: 'a', generation, verdict: verdict('definition', 'refuted') });
    expect(refuted.did()).toEqual(['stopWork', 'reply']);

    const late = new Play().opened();
    late.on({ type: 'start', request: 5, name: 'a', nowMs: 0 });
    late.did();
    late.on({ type: 'violation', fault: refused });
    expect(late.did().slice(-2)).toEqual(['stopWork', 'reply']);
    late.on({ type: 'defined', name: 'a', generation, verdict: verdict('definition') });
    expect(late.did()).toEqual([]);
  });

  test('a VM that runs is judged anew when the gate opens again, and never restarted', () => {
    const play = new Play().opened().started('a');
    play.on(pulse(play, [])).closedNow();
    play.on({ type: 'timer', name: 'retry', generation: play.state.generation });
    const { generation } = play.state;
    play.on({ type: 'pinned', generation }, { type: 'connected', generation });
    play.did();
    play.on(play.verified());
    expect(play.did()).toContain('judgeWork');
    expect(play.state.work['a']).toMatchObject({ status: 'running', admitted: false });
  });

  test('two starts at once make one process and two answers', () => {
    const play = new Play().opened();
    play.on({ type: 'start', request: 5, name: 'a', nowMs: 0 }, { type: 'start', request: 6, name: 'a', nowMs: 0 });
    expect(play.did().filter((name) => name === 'defineWork')).toHaveLength(1);
    expect(play.state.work['a']?.waiters).toEqual([5, 6]);
  });
});

describe('late news', () => {
  const late: readonly GateEvent[] = [
    { type: 'violation', fault: refused },
    { type: 'partLost', generation: 1, fault: broken },
    { type: 'failed', effect: { do: 'revokeReceipt' }, fault: broken },
    { type: 'failed', effect: { do: 'lowerLinks', generation: 1 }, fault: broken },
    { type: 'failed', effect: { do: 'writeReceipt', verdicts: [], claim, expiresMs: 0, generation: 1 }, fault: broken },
  ];

  test.each(late)('neither ends violated nor brings a gateway back during down: %j', (event) => {
    for (const phase of ['violated', 'stopping', 'down'] as const) {
      const play = new Play();
      play.state = { ...play.state, phase, wanted: phase === 'violated', downWaiters: phase === 'stopping' ? [9] : [] };
      play.on(event);
      expect(play.state.phase).toBe(phase);
      expect(play.did()).toEqual([]);
    }
  });
});

describe('every request is answered', () => {
  test('up while down is under way', () => {
    const play = new Play().opened();
    play.on({ type: 'down', request: 8 });
    play.did();
    play.on({ type: 'up', request: 9, configChanged: false });
    expect(play.effects).toContainEqual({
      do: 'reply',
      to: [9],
      outcome: { ok: false, because: { kind: 'cancelled' } },
    });
  });

  test('start of a VM that runs and was refuted: it is judged again', () => {
    const play = new Play().opened().started('a');
    play.on(pulse(play, [])).closedNow();
    play.on({ type: 'timer', name: 'retry', generation: play.state.generation });
    const { generation } = play.state;
    play.on({ type: 'pinned', generation }, { type: 'connected', generation }, play.verified());
    play.on({ type: 'defined', name: 'a', generation, verdict: verdict('definition', 'refuted') });
    play.did();
    play.on({ type: 'start', request: 7, name: 'a', nowMs: 0 });
    expect(play.did()).toEqual(['judgeWork']);
  });

  test('start while it stops is refused, not told that it runs; stop is answered by its end alone', () => {
    const play = new Play().opened().started('a');
    const { generation } = play.state;
    play.on({ type: 'stop', request: 6, name: 'a', force: false });
    play.did();
    play.on({ type: 'start', request: 7, name: 'a', nowMs: 0 }, { type: 'ready', name: 'a', generation });
    expect(play.effects).toEqual([{ do: 'reply', to: [7], outcome: { ok: false, because: { kind: 'cancelled' } } }]);
    play.did();
    play.on({ type: 'stop', request: 8, name: 'a', force: true }, { type: 'workEnded', name: 'a', fault: broken });
    expect(play.effects).toContainEqual({ do: 'reply', to: [6, 8], outcome: { ok: true, already: false } });
  });

  test('a stop that failed is no stop', () => {
    const play = new Play().opened().started('a');
    play.on({ type: 'stop', request: 6, name: 'a', force: false });
    play.did();
    play.on({ type: 'failed', effect: { do: 'stopWork', name: 'a', force: false }, fault: broken });
    expect(play.effects).toEqual([
      { do: 'reply', to: [6], outcome: { ok: false, because: { kind: 'fault', fault: broken } } },
    ]);
  });

  test('start, when the gate closes before it is through', () => {
    const play = new Play().opened();
    play.on({ type: 'start', request: 5, name: 'a', nowMs: 0 });
    play.on(pulse(play, []));
    expect(play.effects.filter((effect) => effect.do === 'reply' && effect.to.includes(5))).toHaveLength(1);
    expect(play.state.work['a']?.status).toBe('stopping');
  });
});

test('an up that cannot boot does not take down what ran before it', () => {
  const play = new Play().on({ type: 'adopted', name: 'a' }, { type: 'up', request: 7, configChanged: false });
  play.on({ type: 'failed', effect: { do: 'bootGateway', profile: 0, generation: 1 }, fault: broken }).closedNow();
  play.on({ type: 'gatewayKilled', generation: play.state.generation });
  expect(play.did()).not.toContain('stopWork');
  expect(play.state.phase).toBe('booting');
});

test('whatever happens: armed, leased or raised only under this generation, after a complete verification', () => {
  const names = fc.constantFrom('a', 'b');
  const outcome = fc.constantFrom<Outcome>('verified', 'refuted', 'unknown');
  const happening = fc.oneof(
    fc.record({ type: fc.constantFrom('up', 'down', 'start', 'stop', 'tick', 'violation', 'partLost'), name: names }),
    fc.record({ type: fc.constant('answer'), fail: fc.boolean(), outcome, index: fc.nat(5) }),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const play = new Play();
      const pending: Effect[] = [];
      let request = 10;
      for (const happening of happenings) {
        const event = 'fail' in happening ? answerOf(pending, happening) : requestOf(happening, request++, play);
        if (event === undefined) continue;
        const from = play.effects.length;
        play.on(event);
        for (const effect of play.effects.slice(from)) {
          pending.push(effect);
          if (effect.do === 'lease' || effect.do === 'raiseWork') expect(play.state.phase).toBe('open');
          if (effect.do === 'armGuard') expect(isArmed(play.state)).toBe(true);
          if (effect.do === 'defineWork') expect(play.state.receipt).toBeDefined();
        }
        if (play.state.phase !== 'open') {
          expect(play.state.receipt).toBeUndefined();
          expect(Object.values(play.state.work).some((vm) => vm.admitted)).toBe(false);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

function pulse(play: Play, verdicts: readonly Verdict[]): GateEvent {
  return { type: 'pulsed', generation: play.state.generation, verdicts };
}

function leaseFails(play: Play): GateEvent {
  const { generation } = play.state;
  return { type: 'failed', effect: { do: 'lease', admitted: [], raise: undefined, generation }, fault: broken };
}

function requestOf({ type, name }: { type: string; name: string }, request: number, play: Play): GateEvent | undefined {
  switch (type) {
    case 'up':
      return { type, request, configChanged: request % 5 === 0 };
    case 'down':
      return { type, request };
    case 'start':
      return { type, request, name, nowMs: 0 };
    case 'stop':
      return { type, request, name, force: false };
    case 'tick':
      return { type, nowMs: 0 };
    case 'violation':
      return { type, fault: refused };
    default:
      return { type: 'partLost', generation: play.state.generation, fault: broken };
  }
}

/** Answers one pending effect, well or badly, possibly long after the machine moved on. */
function answerOf(
  pending: Effect[],
  { fail, outcome, index }: { fail: boolean; outcome: Outcome; index: number },
): GateEvent | undefined {
  const [effect] = pending.splice(Math.max(0, pending.length - 1 - index), 1);
  if (effect === undefined) return undefined;
  if (fail) return { type: 'failed', effect, fault: outcome === 'refuted' ? refused : broken };
  if (effect.do === 'timer') return { type: 'timer', name: effect.name, generation: effect.generation };
  const isFirm = (check: CheckName) => effect.do === 'verify' && GATE_CHECKS[index] !== check;
  return answerTo(effect, {
    dhcp: false,
    outcome: (check) => (isFirm(check) ? 'verified' : outcome),
    claim: () => claim,
    portal: () => undefined,
    nowMs: 0,
    maxAgeMs: 60_000,
    everyMs: 30_000,
  });
}
