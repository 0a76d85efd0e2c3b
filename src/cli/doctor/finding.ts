/** What the doctor says about one thing: seen, why it matters, what to type. */
import { VmgateError } from '../../core/coded.ts';

export interface Finding {
  /** Stable, for scripts: `qemu`, `images`. */
  readonly id: string;
  /** `note`: works, but know it. `wrong`: something vmgate needs is missing or broken. */
  readonly state: 'ok' | 'note' | 'wrong';
  readonly what: string;
  /** Empty where all is well. */
  readonly why: string;
  readonly fix: string;
  /** An error's code. Its text may name servers, files and people: a report that is pasted shows the code instead. */
  readonly code?: string;
}

export type Examination = () => Promise<readonly Finding[]>;

export function ok(id: string, what: string): Finding {
  return { id, state: 'ok', what, why: '', fix: '' };
}

export function note(id: string, what: string, why: string, fix: string): Finding {
  return { id, state: 'note', what, why, fix };
}

export function wrong(id: string, what: string, why: string, fix: string): Finding {
  return { id, state: 'wrong', what, why, fix };
}

/** An error of another room, as a finding. @throws `cause` itself when it is none */
export function faulty(id: string, cause: unknown, why: string): Finding {
  if (!VmgateError.is(cause)) throw cause;
  return { ...wrong(id, cause.what, why, cause.remedy), code: cause.code };
}
