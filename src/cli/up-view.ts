/** How `vmgate up` is watched: a list that fills in on a terminal, a line for each event elsewhere. */
import type { CodedEvent } from '../core/coded.ts';
import type { Output } from './output.ts';
import type { Outside } from './outside.ts';

export interface UpView {
  readonly onEvent: (event: CodedEvent) => void;
  /** `cause`: why `up` failed; undefined when the gate is open. */
  readonly end: (cause: unknown) => Promise<void>;
}

export async function upView(out: Output, outside: Outside): Promise<UpView> {
  if (!out.redraws) return { onEvent: (event) => out.event(event), end: async () => {} };
  const { liveUpView } = await import('./live-up-view.ts');
  return liveUpView(out, outside);
}
