/** Codes of a work VM and its screen. */
import { error, errorCodes } from '../core/coded.ts';

const environment = { source: 'environment' } as const;
const user = { source: 'user' } as const;

export const workErrors = errorCodes({
  GATE_NO_SCREEN: error<{ name: string }>({
    exit: 2,
    ...user,
    what: ({ name }) => `work VM ${name} has no screen`,
    remedy: ({ name }) =>
      `say display: vnc in its entry in vmgate.yaml; then vmgate up, vmgate stop ${name} and vmgate start ${name}`,
    sample: { name: 'workvm' },
  }),
  GATE_SCREEN_TOO_LARGE: error<{ name: string; bytes: number; most: number }>({
    exit: 5,
    ...environment,
    what: ({ name, bytes, most }) => `the picture of ${name}'s screen has ${bytes} bytes; at most ${most} are taken`,
    remedy: ({ name }) => `choose a smaller screen inside ${name}`,
    sample: { name: 'workvm', bytes: 80_000_000, most: 67_108_864 },
  }),
  GATE_UNKNOWN_VM: error<{ name: string; known: readonly string[] }>({
    exit: 2,
    ...user,
    what: ({ name, known }) =>
      `vmgate.yaml has no work VM named ${JSON.stringify(name)}${known.length > 0 ? ` (there is: ${known.join(', ')})` : ''}`,
    remedy: () => 'check the name, or add it under work: in vmgate.yaml',
    sample: { name: 'wrokvm', known: ['workvm'] },
  }),
  /** `isDown`: so is its gate. */
  GATE_WORK_NOT_RUNNING: error<{ name: string; isDown?: boolean }>({
    exit: 4,
    ...user,
    what: ({ name }) => `work VM ${name} is not running`,
    remedy: ({ name, isDown = false }) => `${isDown ? 'vmgate up && ' : ''}vmgate start ${name}`,
    sample: { name: 'workvm' },
  }),
  GATE_WORK_KEEPS: error<{ name: string }>({
    exit: 4,
    ...user,
    what: ({ name }) => `work VM ${name} runs already, and keeps what it writes`,
    remedy: ({ name }) => `vmgate stop ${name}, then: vmgate start ${name} --disposable`,
    sample: { name: 'workvm' },
  }),
  GATE_WORK_ENDED: error<{ name: string; detail: string }>({
    exit: 7,
    ...environment,
    what: ({ name, detail }) => `work VM ${name} ended by itself before it was ready: ${detail}`,
    remedy: ({ name }) => `vmgate start ${name}, and look at its console meanwhile: vmgate console ${name}`,
    sample: { name: 'workvm', detail: 'guest-shutdown' },
  }),
  GATE_WORK_NOT_READY: error<{ name: string; seconds: number }>({
    exit: 7,
    ...environment,
    what: ({ name, seconds }) => `work VM ${name} runs, but did not answer on its link within ${seconds} s`,
    remedy: ({ name }) =>
      `look at its console: vmgate console ${name}; it goes on booting, vmgate stop ${name} ends it`,
    sample: { name: 'workvm', seconds: 120 },
  }),
});
