/** Reading what was thrown. Without `instanceof`: errors of Node's core are of another realm under jest. */
import type { ZodError } from 'zod';

/** `ENOENT`, `EACCES`, ... of a failed system call; undefined for anything else. */
export function errnoOf(cause: unknown): string | undefined {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

export function messageOf(cause: unknown): string {
  const message = typeof cause === 'object' && cause !== null && 'message' in cause ? cause.message : cause;
  return String(message);
}

/** Characters of a schema's complaint that are worth reading. */
const MAX_COMPLAINT = 300;

/**
 * The first thing a schema finds wrong, with its place. One and bounded: what comes from outside may be wrong in
 * thousands of places, with names of any length.
 */
export function complaintOf({ issues: [issue] }: ZodError): string {
  if (issue === undefined) return 'it has the wrong shape';
  return `${issue.path.join('.').slice(0, MAX_COMPLAINT) || 'it'}: ${issue.message.slice(0, MAX_COMPLAINT)}`;
}
