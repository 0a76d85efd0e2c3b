/** Reading what was thrown. Without `instanceof`: errors of Node's core are of another realm under jest. */

/** `ENOENT`, `EACCES`, ... of a failed system call; undefined for anything else. */
export function errnoOf(cause: unknown): string | undefined {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

export function messageOf(cause: unknown): string {
  const message = typeof cause === 'object' && cause !== null && 'message' in cause ? cause.message : cause;
  return String(message);
}
