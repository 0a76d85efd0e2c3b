/** Codes of setting up a work VM: what ran in it, and what did not. */
import { error, event } from '../core/coded.ts';

export const setUpErrors = {
  WORK_SETUP_UNREACHABLE: error<{ name: string; seconds: number }>({
    exit: 7,
    source: 'environment',
    what: ({ name, seconds }) => `${name} let nobody in by ssh for ${seconds} s`,
    remedy: ({ name }) => `look at its console: vmgate console ${name}; then go on: vmgate start ${name}`,
    sample: { name: 'dev', seconds: 180 },
  }),
  WORK_PROVISION_FAILED: error<{ name: string; step: string; outcome: string }>({
    exit: 7,
    source: 'user',
    what: ({ name, step, outcome }) => `the script ${JSON.stringify(step)} in ${name} ${outcome}`,
    remedy: ({ name }) =>
      `correct it in vmgate.yaml (or what it needs, by vmgate ssh ${name}), then go on there: vmgate up && vmgate start ${name}`,
    sample: { name: 'dev', step: 'tools', outcome: 'ended with status 100' },
  }),
  WORK_PROVISION_INTERRUPTED: error<{ name: string; step: string }>({
    exit: 130,
    source: 'user',
    what: ({ name, step }) =>
      step === ''
        ? `setting up ${name} was interrupted`
        : `the script ${JSON.stringify(step)} in ${name} was interrupted`,
    remedy: ({ name }) => `${name} runs on; go on with: vmgate start ${name}`,
    sample: { name: 'dev', step: 'tools' },
  }),
  WORK_PROBE_FAILED: error<{ name: string; hint: string; seconds: number }>({
    exit: 7,
    source: 'user',
    what: ({ name, seconds }) => `${name} runs, but was not ready after ${seconds} s`,
    remedy: ({ hint, name }) => `${hint}; then again: vmgate start ${name}`,
    sample: { name: 'dev', hint: 'look at the database: vmgate ssh dev -- systemctl status postgresql', seconds: 120 },
  }),
};

export const setUpEvents = {
  WORK_IMAGE_OLDER: event<{ name: string; made: string; current: string }>({
    level: 'info',
    text: ({ name, made, current }) =>
      `${name} was made from the image ${made.slice(0, 19)}, and ${current.slice(0, 19)} is newer: ` +
      `vmgate vm rebuild ${name} makes it anew, and drops what it wrote`,
    sample: { name: 'dev', made: `sha256:${'3f'.repeat(32)}`, current: `sha256:${'a0'.repeat(32)}` },
  }),
  WORK_PROVISIONING: event<{ name: string; step: string; index: number; all: number }>({
    level: 'info',
    text: ({ name, step, index, all }) => `${name}: running ${step} (${index} of ${all})`,
    sample: { name: 'dev', step: 'tools', index: 1, all: 2 },
  }),
  WORK_PROVISION_OUTPUT: event<{ name: string; step: string; line: string }>({
    level: 'info',
    text: ({ name, line }) => `${name} | ${line}`,
    sample: { name: 'dev', step: 'tools', line: 'Setting up git (1:2.47.3-0+deb13u1) ...' },
  }),
  WORK_PROVISION_RESUMED: event<{ name: string; done: number; last: string; next: string }>({
    level: 'info',
    text: ({ name, done, last, next }) =>
      `${name}: ${done} ${done === 1 ? 'script has' : 'scripts have'} run already (last ${last}); going on with ${next}`,
    sample: { name: 'dev', done: 1, last: 'packages', next: 'tools' },
  }),
  WORK_PROBING: event<{ name: string; hint: string; seconds: number }>({
    level: 'info',
    text: ({ name, seconds }) => `${name}: waiting until it is ready, at most ${seconds} s`,
    sample: { name: 'dev', hint: 'look at the database: vmgate ssh dev -- systemctl status postgresql', seconds: 120 },
  }),
};
