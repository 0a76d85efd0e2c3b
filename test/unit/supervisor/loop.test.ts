import { describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { initialState } from '../../../src/core/gate/state.ts';
import { sensorErrors } from '../../../src/sensors/index.ts';
import { GateLoop, type Runners } from '../../../src/supervisor/loop.ts';

test('whoever watches hears of each effect before its runner does', () => {
  const heard: string[] = [];
  const runner = (effect: { readonly do: string }) => {
    heard.push(`run ${effect.do}`);
    return undefined;
  };
  const runners = { announce: runner, bootGateway: runner } as unknown as Runners;
  const loop = new GateLoop(
    initialState([]),
    runners,
    () => {},
    (effect) => heard.push(`before ${effect.do}`),
  );
  loop.post({ type: 'up', request: 1, configChanged: false });
  expect(heard).toEqual(['before announce', 'run announce', 'before bootGateway', 'run bootGateway']);
});

describe('after a sleep, the heartbeat is what comes first', () => {
  /** What is done at the first heartbeat of an open gate that slept. */
  function woken(timeLost?: () => VmgateError | undefined): readonly string[] {
    const done: string[] = [];
    const runners = new Proxy({} as Runners, {
      get: () => (effect: { readonly do: string }) => {
        done.push(effect.do);
        return undefined;
      },
    });
    const receipt = { claim: { kind: 'round-trip' as const }, expiresMs: 60_000 };
    const open = {
      ...initialState([]),
      phase: 'open' as const,
      wanted: true,
      gatewayAlive: true,
      pinned: true,
      receipt,
    };
    const loop = new GateLoop(open, runners, undefined, undefined, timeLost);
    loop.post({ type: 'tick', nowMs: 1_000 });
    return done;
  }

  test('the gate hears of the sleep before it, and closes', () => {
    const slept = VmgateError.of(sensorErrors.SENSOR_TIME_LOST, { how: 'slept' as const, seconds: 60 });
    expect(woken(() => slept)).toEqual(['disarmGuard', 'revokeReceipt', 'announce', 'dropLeases']);
  });

  test('anti-test: a queue that asks no clock lets the guard pass frames again', () => {
    expect(woken()).toEqual(['armGuard']);
  });
});
