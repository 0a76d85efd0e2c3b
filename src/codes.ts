/**
 * Every error and event vmgate knows, by code. `docs/` is generated from it and tests hold it together: a code that is
 * not here does not exist for a user.
 */
import * as cli from './cli/codes.ts';
import * as config from './config/codes.ts';
import type { ExitCode, FaultSource } from './core/coded.ts';
import * as demo from './demo/codes.ts';
import * as drill from './drill/codes.ts';
import * as drivers from './drivers/codes.ts';
import * as evidence from './evidence/codes.ts';
import * as gateway from './gateway/codes.ts';
import * as guard from './guard/codes.ts';
import * as home from './home/codes.ts';
import * as host from './host/codes.ts';
import * as image from './image/codes.ts';
import * as lab from './lab/codes.ts';
import * as oci from './oci/codes.ts';
import * as portal from './portal/codes.ts';
import * as proxy from './proxy/codes.ts';
import * as sensors from './sensors/codes.ts';
import * as supervisor from './supervisor/codes.ts';
import * as template from './template/codes.ts';
import * as trust from './trust/codes.ts';
import * as verify from './verify/codes.ts';
import * as view from './view/codes.ts';
import * as vpn from './vpn/codes.ts';
import * as work from './work/codes.ts';

/** An error's code with its sample rendered: what documentation needs. */
export interface ErrorEntry {
  readonly code: string;
  readonly room: string;
  readonly exit: ExitCode;
  readonly source: FaultSource;
  readonly what: string;
  readonly remedy: string;
  readonly sample: unknown;
}

export interface EventEntry {
  readonly code: string;
  readonly room: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
  readonly sample: unknown;
}

/** The rooms that have codes, by folder. */
export const ROOMS = {
  cli,
  config,
  demo,
  drill,
  drivers,
  evidence,
  gateway,
  guard,
  home,
  host,
  image,
  lab,
  oci,
  portal,
  proxy,
  sensors,
  supervisor,
  template,
  trust,
  verify,
  view,
  vpn,
  work,
} as const;

/** Payload types differ from code to code; each sample fits its own texts, which the compiler saw in `codes.ts`. */
interface Renderable {
  readonly code: string;
  readonly sample: unknown;
}
type RenderableError = Renderable & {
  readonly exit: ExitCode;
  readonly source: FaultSource;
  readonly what: (payload: never) => string;
  readonly remedy: (payload: never) => string;
};
type RenderableEvent = Renderable & {
  readonly level: EventEntry['level'];
  readonly text: (payload: never) => string;
};

export function errorEntries(): readonly ErrorEntry[] {
  return inAllRooms<RenderableError>('errors').map(({ room, spec: { what, remedy, sample, code, exit, source } }) => {
    return { code, room, exit, source, what: what(sample as never), remedy: remedy(sample as never), sample };
  });
}

export function eventEntries(): readonly EventEntry[] {
  return inAllRooms<RenderableEvent>('events').map(({ room, spec: { text, sample, code, level } }) => {
    return { code, room, level, text: text(sample as never), sample };
  });
}

function inAllRooms<T>(kind: 'errors' | 'events'): readonly { readonly room: string; readonly spec: T }[] {
  return Object.entries(ROOMS).flatMap(([room, codes]: [string, object]) => {
    const specs = kind in codes ? (codes as Readonly<Record<typeof kind, Readonly<Record<string, T>>>>)[kind] : {};
    return Object.values(specs).map((spec) => ({ room, spec }));
  });
}
