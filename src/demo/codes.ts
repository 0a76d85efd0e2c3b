/** Codes of the demo. */
import { error, errorCodes } from '../core/coded.ts';

export const errors = errorCodes({
  DEMO_NOT_OBSERVED: error<{ step: number; title: string; why: string }>({
    exit: 4,
    source: 'vmgate',
    what: ({ step, title, why }) => `the demo's step ${step} (${title}) did not show what it claims: ${why}`,
    remedy: () => 'run it again; if it fails again: vmgate doctor --report',
    sample: { step: 3, title: 'Now it starts', why: 'the request was logged from nobody' },
  }),
});
