import { expect, test } from '@jest/globals';
import { initialState } from '../../../src/core/gate/state.ts';
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
