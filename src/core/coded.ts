/**
 * Coded messages: every error and every event vmgate produces has a stable code, a typed payload, and a text
 * rendered from that payload. Scripts depend on `code` and `payload`; texts may change between versions.
 *
 * A room declares its codes in its own `codes.ts` with {@link errorCodes} and {@link eventCodes};
 * `src/codes.ts` merges all rooms into one registry, on which the docs and the uniqueness test hang.
 */

/** Process exit codes, documented in docs/exit-codes.md. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 130;

/** Whose move it is: the user's (input), the environment's (machine, network), or a defect in vmgate itself. */
export type FaultSource = 'user' | 'environment' | 'vmgate';

/** What a room writes down for one error. `sample` is a realistic payload: docs and golden tests render it. */
export interface ErrorSpec<P> {
  readonly exit: ExitCode;
  readonly source: FaultSource;
  /** One sentence: what failed, naming file:line:column or the object concerned. */
  readonly what: (payload: P) => string;
  /** What the user types or changes next. One command where one exists. */
  readonly remedy: (payload: P) => string;
  readonly sample: P;
}

export interface ErrorCode<P> extends ErrorSpec<P> {
  readonly code: string;
}

export interface EventSpec<P> {
  readonly level: 'info' | 'warn' | 'error';
  readonly text: (payload: P) => string;
  readonly sample: P;
}

export interface EventCode<P> extends EventSpec<P> {
  readonly code: string;
}

/** One event as it is journaled, sent to the CLI and printed by `--json`. */
export interface CodedEvent<P = unknown> {
  readonly code: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
  readonly payload: P;
}

/** Lets a `codes.ts` state the payload type once: `NAME: error<{file: string}>({...})`. */
export function error<P>(spec: ErrorSpec<P>): ErrorSpec<P> {
  return spec;
}

/** Twin of {@link error} for events. */
export function event<P>(spec: EventSpec<P>): EventSpec<P> {
  return spec;
}

/** `sample` gives its payload back, the texts take one in: no single payload type fits every spec. */
type AnyPayload<S extends { sample: unknown }> = Omit<S, 'sample'> & { readonly sample: unknown };

/** Stamps each spec with its key as its code. Keys are upper snake case and start with the room: `VPN_HOOK_REFUSED`. */
export function errorCodes<T extends Record<string, AnyPayload<ErrorSpec<never>>>>(
  specs: T,
): { readonly [K in keyof T]: T[K] extends ErrorSpec<infer P> ? ErrorCode<P> : never } {
  return stamp(specs) as { readonly [K in keyof T]: T[K] extends ErrorSpec<infer P> ? ErrorCode<P> : never };
}

/** Twin of {@link errorCodes} for events. */
export function eventCodes<T extends Record<string, AnyPayload<EventSpec<never>>>>(
  specs: T,
): { readonly [K in keyof T]: T[K] extends EventSpec<infer P> ? EventCode<P> : never } {
  return stamp(specs) as { readonly [K in keyof T]: T[K] extends EventSpec<infer P> ? EventCode<P> : never };
}

function stamp(specs: Record<string, object>): Record<string, object> {
  return Object.fromEntries(Object.entries(specs).map(([code, spec]) => [code, { ...spec, code }]));
}

/** An error as it crosses a process boundary (supervisor socket, `--json`). */
export interface SerializedFault {
  readonly code: string;
  readonly exit: ExitCode;
  readonly what: string;
  readonly evidence: readonly string[];
  readonly remedy: string;
  readonly payload: unknown;
}

const brand = Symbol.for('vmgate.VmgateError');

/**
 * The only error type that reaches a user. `evidence` holds what was observed (a tool's last lines, two digests that
 * differ); it is hostile text and is escaped by whoever prints it.
 */
export class VmgateError extends Error {
  readonly code: string;
  readonly exit: ExitCode;
  readonly what: string;
  readonly remedy: string;
  readonly evidence: readonly string[];
  readonly payload: unknown;
  readonly [brand] = true;

  private constructor(fault: SerializedFault, cause?: unknown) {
    super(fault.what, cause === undefined ? undefined : { cause });
    this.name = 'VmgateError';
    this.code = fault.code;
    this.exit = fault.exit;
    this.what = fault.what;
    this.remedy = fault.remedy;
    this.evidence = fault.evidence;
    this.payload = fault.payload;
  }

  /** Makes the error for `code`; `evidence` is cut to 20 lines of 400 characters. */
  static of<P>(
    code: ErrorCode<P>,
    payload: P,
    more: { cause?: unknown; evidence?: readonly string[] } = {},
  ): VmgateError {
    const evidence = (more.evidence ?? []).slice(-20).map((line) => line.slice(0, 400));
    return new VmgateError(
      { code: code.code, exit: code.exit, what: code.what(payload), remedy: code.remedy(payload), evidence, payload },
      more.cause,
    );
  }

  /** Rebuilds an error another process sent. */
  static revive(fault: SerializedFault): VmgateError {
    return new VmgateError(fault);
  }

  static is(value: unknown): value is VmgateError {
    return typeof value === 'object' && value !== null && brand in value;
  }

  serialize(): SerializedFault {
    const { code, exit, what, evidence, remedy, payload } = this;
    return { code, exit, what, evidence, remedy, payload };
  }
}

/** Renders an event at time `at`. */
export function occur<P>(code: EventCode<P>, payload: P, at: Date = new Date()): CodedEvent<P> {
  return { code: code.code, at: at.toISOString(), level: code.level, text: code.text(payload), payload };
}
