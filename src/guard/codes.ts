import { error, errorCodes, event, eventCodes } from '../core/coded.ts';

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

export const events = eventCodes({
  GUARD_FOREIGN_FRAME: event<{ why: string; frame: string }>({
    level: 'error',
    text: ({ why }) =>
      `a frame tried to leave the gateway that no rule allows (${why}); it was dropped and kept as evidence`,
    sample: { why: 'destination is not the endpoint', frame: '525400000001' },
  }),
  GUARD_CANARY_SEEN: event<{ why: string; frame: string }>({
    level: 'error',
    text: ({ why }) => `a test token that must only travel inside the tunnel appeared on the uplink (${why})`,
    sample: { why: 'canary token 0123456789abcdef in a tunnel frame', frame: '525400000001' },
  }),
  GUARD_DISARMED: event<{ why: 'deadline' | 'clock-jump' | 'order' | 'policy' }>({
    level: 'warn',
    text: ({ why }) => `the guard passes nothing any more: ${DISARMED[why]}`,
    sample: { why: 'deadline' },
  }),
  GUARD_GATEWAY_LOST: event<{ why: string }>({
    level: 'error',
    text: ({ why }) => `the guard lost the gateway: ${why}`,
    sample: { why: 'the gateway closed the socket' },
  }),
});

const DISARMED = {
  deadline: 'the supervisor did not push its deadline in time',
  'clock-jump': "the machine's clocks jumped, as after sleep",
  order: 'it was told to',
  policy: 'it was given another policy',
} as const;
