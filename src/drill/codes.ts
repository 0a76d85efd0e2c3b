/** Codes of drills. */
import { error, errorCodes, event, eventCodes } from '../core/coded.ts';

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
    exit: 4,
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
  DRILL_DID_NOT_RECOVER: error<{ cycles: number; of: number }>({
    exit: 7,
    source: 'vmgate',
    what: ({ cycles, of }) => `nothing leaked, but after ${cycles} of ${of} fault cycles the gate did not come back`,
    remedy: () => 'run it again when the machine is less busy; if it happens again, report it with the evidence',
    sample: { cycles: 1, of: 200 },
  }),
  DRILL_UNKNOWN_CASE: error<{ word: string; near: readonly string[] }>({
    exit: 2,
    source: 'user',
    what: ({ word }) => `there is no drill case ${JSON.stringify(word)}`,
    remedy: ({ near }) =>
      near.length === 0 ? 'vmgate drill --list' : `did you mean: vmgate drill ${near.join(', or ')}`,
    sample: { word: 'dsn', near: ['dns'] },
  }),
  DRILL_NOT_HERE: error<{ number: number; what: string; why: string }>({
    exit: 2,
    source: 'user',
    what: ({ number, what, why }) => `leak case ${number} (${what}) is not part of a drill: ${why}`,
    remedy: () => 'vmgate drill --list shows the cases that are',
    sample: { number: 26, what: 'captive portals', why: 'the network of this drill has none' },
  }),
  DRILL_CASE_LEAKED: error<{ cases: readonly string[]; of: number }>({
    exit: 4,
    source: 'vmgate',
    what: ({ cases, of }) => `${cases.length} of ${of} leak cases leaked: ${cases.join(', ')}`,
    remedy: () => 'do not rely on this gate; please report it with `vmgate drill --html FILE`',
    sample: { cases: ['dns', 'guard-killed'], of: 42 },
  }),
  DRILL_CASE_BLIND: error<{ cases: readonly string[]; of: number }>({
    exit: 4,
    source: 'vmgate',
    what: ({ cases, of }) =>
      `${cases.length} of ${of} leak cases prove nothing: with the defences taken away nothing was seen either: ${cases.join(', ')}`,
    remedy: ({ cases }) => `try again: vmgate drill ${cases.join(' ')}`,
    sample: { cases: ['webrtc'], of: 42 },
  }),
  DRILL_CASE_STUCK: error<{ cases: readonly string[]; of: number }>({
    exit: 7,
    source: 'vmgate',
    what: ({ cases, of }) =>
      `nothing leaked, but ${cases.length} of ${of} leak cases did not come to an end: ${cases.join(', ')}`,
    remedy: ({ cases }) => `try again when the machine is less busy: vmgate drill ${cases.join(' ')}`,
    sample: { cases: ['asleep'], of: 42 },
  }),
});

export const events = eventCodes({
  DRILL_TRIED: event<{ number: number; name: string; mode: 'guarded' | 'bare'; saw: string }>({
    level: 'info',
    text: ({ number, name, mode, saw }) =>
      `case ${number} ${name}${mode === 'bare' ? ', defences taken away' : ''}: ${saw}`,
    sample: { number: 13, name: 'server-killed', mode: 'guarded', saw: 'nothing in clear, 231 frames tried' },
  }),
  DRILL_AGAIN: event<{ number: number; name: string; mode: 'guarded' | 'bare'; why: string }>({
    level: 'warn',
    text: ({ number, name, mode, why }) =>
      `case ${number} ${name}${mode === 'bare' ? ', defences taken away' : ''}, once more: ${why}`,
    sample: { number: 23, name: 'asleep', mode: 'guarded', why: 'not within 90 s: the gate is open again' },
  }),
  DRILL_STAGE: event<{ what: string }>({
    level: 'info',
    text: ({ what }) => what,
    sample: { what: 'two labs, gateways and work VMs come up: a whole gate, and one without defences' },
  }),
});
