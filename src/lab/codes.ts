import { error, errorCodes } from '../core/coded.ts';

export const errors = errorCodes({
  LAB_NOT_READY: error<{ why: string }>({
    exit: 7,
    source: 'environment',
    what: ({ why }) => `the lab did not come up: ${why}`,
    remedy: () => 'try again when the machine is less busy; the evidence holds the last lines of its console',
    sample: { why: 'the lab gave no answer to "hello" within 90000 ms' },
  }),
  LAB_GONE: error<{ doing: string; detail: string }>({
    exit: 5,
    source: 'environment',
    what: ({ doing, detail }) => `the lab ended during "${doing}": ${detail}`,
    remedy: () => 'start it again',
    sample: { doing: 'counts', detail: 'killed by SIGKILL' },
  }),
  LAB_SILENT: error<{ doing: string; ms: number }>({
    exit: 7,
    source: 'environment',
    what: ({ doing, ms }) => `the lab gave no answer to "${doing}" within ${ms} ms`,
    remedy: () => 'stop it and start it again',
    sample: { doing: 'counts', ms: 10_000 },
  }),
  LAB_REFUSED: error<{ doing: string; detail: string }>({
    exit: 1,
    source: 'vmgate',
    what: ({ doing, detail }) => `the lab could not do "${doing}": ${detail}`,
    remedy: () => 'this is a defect in vmgate; please report it',
    sample: { doing: 'exit_address 203.0.113.9', detail: 'nft: No such file or directory' },
  }),
  LAB_NOT_PUBLISHED: error<{ said: string }>({
    exit: 5,
    source: 'environment',
    what: () => 'QEMU does not say on which port of this machine it published the lab',
    remedy: () => 'report this with the version of QEMU and the evidence',
    sample: { said: 'Hub -1 (pub0): Protocol[State] FD Source Address Port' },
  }),
});
