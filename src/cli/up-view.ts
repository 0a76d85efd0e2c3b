/** How `vmgate up` is watched: a list that fills in on a terminal, a line for each event elsewhere. */
import * as z from 'zod';
import type { CodedEvent } from '../core/coded.ts';
import type { Output } from './output.ts';
import type { Outside } from './outside.ts';

export interface UpView {
  readonly onEvent: (event: CodedEvent) => void;
  /** `cause`: why `up` failed; undefined when the gate is open. */
  readonly end: (cause: unknown) => Promise<void>;
}

export function upView(out: Output, outside: Outside): UpView {
  if (!out.redraws) return plainUpView(out);
  return lateUpView(async () => (await import('./live-up-view.ts')).liveUpView(out, outside));
}

/** Nothing is drawn for a gate that is open already: the list begins with the first event. */
function lateUpView(open: () => Promise<UpView>): UpView {
  let view: Promise<UpView> | undefined;
  const onEvent = (event: CodedEvent) => {
    view ??= open();
    view = view.then((opened) => {
      opened.onEvent(event);
      return opened;
    });
  };
  return { onEvent, end: async (cause) => (await view)?.end(cause) };
}

const reasoned = z.object({ why: z.string().min(1) });
const failed = z.object({ what: z.string() });

/** One fault passes through several phases on its way; people are told it once. Under --json events stay whole. */
function plainUpView(out: Output): UpView {
  const told = new Set<string>();
  const onEvent = (event: CodedEvent) => {
    const why = reasoned.safeParse(event.payload).data?.why;
    const known = why !== undefined && told.has(why);
    const text = known && event.text.endsWith(`: ${why}`) ? event.text.slice(0, -`: ${why}`.length) : event.text;
    out.event(out.json ? event : { ...event, text });
    const reason = why ?? failed.safeParse(event.payload).data?.what;
    if (reason !== undefined) told.add(reason);
  };
  return { onEvent, end: async () => {} };
}
