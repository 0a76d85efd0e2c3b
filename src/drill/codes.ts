/** Codes of drills. */
import { error, errorCodes } from '../core/coded.ts';

export const errors = errorCodes({
  DRILL_LEAKED: error<{ frames: number; cycles: number; of: number }>({
    exit: 4,
    source: 'vmgate',
    what: ({ frames, cycles, of }) =>
      `${frames} frames left in clear on the untrusted network, in ${cycles} of ${of} fault cycles`,
    remedy: () => 'this is a defect in vmgate; please report it with the evidence: it names the faults',
    sample: { frames: 3, cycles: 1, of: 200 },
  }),
  DRILL_BLIND: error<{ leaking: number; of: number }>({
    exit: 1,
    source: 'vmgate',
    what: ({ leaking, of }) =>
      `without guard and firewall only ${leaking} of ${of} fault cycles leaked: what counts the leaks does not see them`,
    remedy: () => 'this is a defect in vmgate; please report it: what the other cycles showed proves nothing',
    sample: { leaking: 11, of: 34 },
  }),
  DRILL_STUCK: error<{ fault: string; waitedFor: string; seconds: number }>({
    exit: 7,
    source: 'vmgate',
    what: ({ fault, waitedFor, seconds }) => `after the fault ${fault}, not within ${seconds} s: ${waitedFor}`,
    remedy: () => 'run it again when the machine is less busy; if it happens again, report it with the evidence',
    sample: { fault: 'guard-killed', waitedFor: 'the gate is open again', seconds: 90 },
  }),
  DRILL_COMMAND: error<{ command: string; status: string }>({
    exit: 7,
    source: 'vmgate',
    what: ({ command, status }) => `the drill's own \`vmgate ${command}\` ended with ${status}`,
    remedy: () => 'the evidence holds its last words',
    sample: { command: 'start workvm', status: 'status 7' },
  }),
});
