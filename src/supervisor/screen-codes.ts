/** Codes of a work VM's screen. */
import { error, errorCodes } from '../core/coded.ts';

export const screenErrors = errorCodes({
  GATE_NO_SCREEN: error<{ name: string }>({
    exit: 2,
    source: 'user',
    what: ({ name }) => `work VM ${name} has no screen`,
    remedy: ({ name }) =>
      `say display: vnc in its entry in vmgate.yaml; then vmgate up, vmgate stop ${name} and vmgate start ${name}`,
    sample: { name: 'workvm' },
  }),
  GATE_SCREEN_TOO_LARGE: error<{ name: string; bytes: number; most: number }>({
    exit: 5,
    source: 'environment',
    what: ({ name, bytes, most }) => `the picture of ${name}'s screen has ${bytes} bytes; at most ${most} are taken`,
    remedy: ({ name }) => `choose a smaller screen inside ${name}`,
    sample: { name: 'workvm', bytes: 80_000_000, most: 67_108_864 },
  }),
});
