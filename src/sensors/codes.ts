/** Codes of the sensors: why a gate closed before anybody asked it to, and how the sensors themselves fare. */
import { error, errorCodes, event, eventCodes } from '../core/coded.ts';

const environment = { source: 'environment', exit: 4 } as const;
const remedy = () => 'vmgate connects and verifies again by itself; vmgate status shows how far it is';

const LOST_TIME: Readonly<Record<LostTime['how'], (seconds: string) => string>> = {
  slept: (seconds) => `this machine slept for ${seconds} s`,
  'stood still': (seconds) => `vmgate did not run for ${seconds} s: the machine slept, or had no time for it`,
  'set ahead': (seconds) => `the clock of this machine was set ahead by ${seconds} s`,
  'set back': (seconds) => `the clock of this machine was set back by ${seconds} s`,
};

export interface LostTime {
  readonly how: 'slept' | 'stood still' | 'set ahead' | 'set back';
  readonly seconds: number;
}

export const errors = errorCodes({
  SENSOR_TIME_LOST: error<LostTime>({
    ...environment,
    what: ({ how, seconds }) => LOST_TIME[how](seconds.toFixed(0)),
    remedy,
    sample: { how: 'slept', seconds: 3_600 },
  }),
  SENSOR_NETWORK_CHANGED: error<{ changes: readonly string[] }>({
    ...environment,
    what: ({ changes }) => `the network of this machine changed: ${changes.join(', ')}`,
    remedy,
    sample: { changes: ['address 192.168.1.23 -> 10.31.4.7', 'router 192.168.1.1 -> 10.31.0.1'] },
  }),
  SENSOR_NETWORK_GONE: error<{ toward: string }>({
    ...environment,
    what: ({ toward }) => `this machine has no way to ${toward} any more`,
    remedy: () => 'join a network: vmgate notices, connects and verifies again by itself',
    sample: { toward: '198.51.100.10' },
  }),
});

export const events = eventCodes({
  SENSOR_STIRRED: event<{ changes: readonly string[] }>({
    level: 'info',
    text: ({ changes }) =>
      `${changes.join(', ')}: this cannot matter to the uplink, but an open gate is verified at its next pulse`,
    sample: { changes: ['docker0 172.17.0.1/16 came'] },
  }),
  SENSOR_LOST: event<{ sensor: string; why: string; meanwhile: string }>({
    level: 'warn',
    text: ({ sensor, why, meanwhile }) => `the sensor ${sensor} ${why}; ${meanwhile}`,
    sample: {
      sensor: 'ip monitor',
      why: 'ended with status 1',
      meanwhile: 'the network is looked at every 1 s while it is started again',
    },
  }),
  SENSOR_BACK: event<{ sensor: string }>({
    level: 'info',
    text: ({ sensor }) => `the sensor ${sensor} works again`,
    sample: { sensor: 'ip monitor' },
  }),
});
