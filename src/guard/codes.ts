import { error, errorCodes } from '../core/coded.ts';

export const errors = errorCodes({
  GUARD_NOT_STARTED: error<{ why: string }>({
    exit: 1,
    source: 'vmgate',
    what: ({ why }) => `the guard, the process every frame of the gateway passes through, did not start: ${why}`,
    remedy: () => 'vmgate up',
    sample: { why: 'it ended with status 1' },
  }),
  GUARD_SILENT: error<{ timeoutMs: number }>({
    exit: 5,
    source: 'environment',
    what: ({ timeoutMs }) =>
      `the guard did not answer within ${timeoutMs} ms; it passes nothing once its deadline is over`,
    remedy: () => 'vmgate up',
    sample: { timeoutMs: 2_000 },
  }),
});
