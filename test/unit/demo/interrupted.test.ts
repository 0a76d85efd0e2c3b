import { expect, test } from '@jest/globals';
import { playOn } from '../../../src/demo/play.ts';
import { NotObserved } from '../../../src/demo/story.ts';

function standIn() {
  const calls: string[] = [];
  return { calls, close: () => Promise.resolve(void calls.push('close')) };
}

test('Ctrl-C while the lab boots: no step is played, and the stage goes', async () => {
  const stage = standIn();
  const play = () => Promise.resolve(void stage.calls.push('play'));
  await expect(playOn(stage, AbortSignal.abort(), play)).rejects.toMatchObject({ name: 'AbortError' });
  expect(stage.calls).toEqual(['close']);
});

test('Ctrl-C in a step: it is what ended the demo, not what the step then misses', async () => {
  const stage = standIn();
  const interrupted = new AbortController();
  const play = () => {
    interrupted.abort();
    return Promise.reject(new NotObserved('the gate is open'));
  };
  await expect(playOn(stage, interrupted.signal, play)).rejects.toMatchObject({ name: 'AbortError' });
  expect(stage.calls).toContain('close');
});

test('without it a step that does not show is the fault', async () => {
  const stage = standIn();
  const play = () => Promise.reject(new NotObserved('the gate is open'));
  await expect(playOn(stage, new AbortController().signal, play)).rejects.toBeInstanceOf(NotObserved);
  expect(stage.calls).toEqual(['close']);
});
