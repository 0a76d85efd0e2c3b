/** Days at a gate, as supervisor and guard would have recorded them. All on 26 November 2026, UTC. */
import { type CodedEvent, occur } from '../../../../src/core/coded.ts';
import type { Phase } from '../../../../src/core/gate/state.ts';
import type { DayRecords } from '../../../../src/evidence/timeline/day.ts';
import type { Sample } from '../../../../src/evidence/timeline/samples.ts';
import { udpFrame } from '../../../../src/frame/index.ts';
import { events } from '../../../../src/supervisor/codes.ts';

export const MIDNIGHT = Date.parse('2026-11-26T00:00:00Z');
export const DAY = { fromMs: MIDNIGHT, toMs: MIDNIGHT + 86_400_000 };
export const UTC = () => 0;

const MINUTE = 60_000;

/** `08:01:12` of that day. */
export function at(time: string): number {
  return Date.parse(`2026-11-26T${time}Z`);
}

export function phaseEvent(time: string, phase: Phase, why = ''): CodedEvent {
  const claim = phase === 'open' ? { claim: { kind: 'address', address: '203.0.113.9' } as const } : {};
  return occur(events.GATE_PHASE, { gate: 'default', phase, why, ...claim }, new Date(at(time)));
}

export function foreignEvent(time: string): CodedEvent {
  const hop = { sourceMac: '52:54:00:00:00:01', destinationMac: '52:55:0a:00:02:02' };
  const flow = { source: '10.0.2.15', destination: '8.8.8.8', sourcePort: 40_000, destinationPort: 53 };
  const frame = udpFrame(hop, flow, Buffer.from('leak')).toString('hex');
  const why = 'UDP to 8.8.8.8:53 instead of the VPN endpoint';
  return occur(events.GATE_FOREIGN_FRAME, { why, frame, canary: false, recorded: true }, new Date(at(time)));
}

/** A sample a minute from one time to another, with a traffic that goes up and down the same way each time. */
export function samplesFrom(from: string, to: string, phase: Phase, more: Partial<Sample> = {}): readonly Sample[] {
  const minutes = Math.round((at(to) - at(from)) / MINUTE);
  return Array.from({ length: minutes }, (_, index) => {
    const wave = phase === 'open' ? Math.max(0, Math.sin(index / 17) + Math.sin(index / 5) * 0.4) : 0;
    return {
      fromMs: at(from) + index * MINUTE,
      toMs: at(from) + (index + 1) * MINUTE,
      phase,
      outBytes: Math.round(wave * 9e5),
      inBytes: Math.round(wave * wave * 6e6),
      blocked: 0,
      held: 0,
      ...more,
    };
  });
}

const records = (told: readonly CodedEvent[], samples: readonly Sample[]): DayRecords => ({
  gate: 'default',
  events: told,
  samples,
  unreadable: 0,
});

export const EMPTY: DayRecords = records([], []);

/** Arrival, work, a train through a tunnel, a lid that was closed, a violation, and home. */
export const TRAVEL: DayRecords = records(
  [
    phaseEvent('07:52:10', 'booting'),
    phaseEvent('07:52:14', 'connecting'),
    phaseEvent('07:52:15', 'verifying'),
    phaseEvent('07:52:17', 'open'),
    occur(events.GATE_WORK, { name: 'web', what: 'is ready: it answers on its link' }, new Date(at('07:53:02'))),
    phaseEvent('10:11:40', 'closing', 'tunnel refuted: the pinned peer has not answered for 190 s'),
    phaseEvent('10:11:41', 'closed', 'tunnel refuted: the pinned peer has not answered for 190 s'),
    ...Array.from({ length: 7 }, (_, index) => phaseEvent(`10:1${2 + index}:20`, 'connecting')),
    phaseEvent('10:18:50', 'verifying'),
    phaseEvent('10:18:53', 'open'),
    phaseEvent('13:40:02', 'closing', 'the guard stopped passing: its deadline passed: this machine stood still'),
    phaseEvent('13:40:04', 'booting'),
    phaseEvent('13:40:09', 'open'),
    foreignEvent('16:20:11.200'),
    foreignEvent('16:20:11.230'),
    phaseEvent('16:20:11.260', 'closing', 'something that is not the VPN tried to leave: UDP to 8.8.8.8:53'),
    phaseEvent('16:20:11.400', 'violated', 'something that is not the VPN tried to leave: UDP to 8.8.8.8:53'),
    phaseEvent('16:44:30', 'booting'),
    phaseEvent('16:44:37', 'open'),
    phaseEvent('18:05:00', 'closing'),
    phaseEvent('18:05:03', 'down'),
  ],
  [
    ...samplesFrom('07:53:00', '10:11:00', 'open'),
    ...samplesFrom('10:12:00', '10:18:00', 'closed', { held: 3 }),
    ...samplesFrom('10:19:00', '12:20:00', 'open'),
    // The lid is closed until 13:40.
    ...samplesFrom('13:41:00', '16:20:00', 'open'),
    ...samplesFrom('16:20:00', '16:21:00', 'violated', { blocked: 14 }),
    ...samplesFrom('16:21:00', '16:44:00', 'violated'),
    ...samplesFrom('16:45:00', '18:05:00', 'open'),
  ],
);

/** A network that comes and goes all day: 500 events. */
export const BUSY: DayRecords = records(
  Array.from({ length: 500 }, (_, index) => {
    const atMs = at('06:00:00') + index * 100_000;
    const time = new Date(atMs).toISOString().slice(11, 23);
    if (index % 50 === 25) return foreignEvent(time);
    if (index % 3 === 1) {
      const found = { check: 'dns', outcome: 'refuted', summary: 'someone else answered for 10.66.0.1', ms: 12 };
      return occur(events.GATE_CHECK, found, new Date(atMs));
    }
    const turn = ['connecting', 'verifying', 'open', 'closing'] as const;
    const phase = turn[index % 4] ?? 'closed';
    return phaseEvent(time, phase, phase === 'closing' ? 'dns unknown: no answer within 1 s from 10.66.0.1' : '');
  }),
  samplesFrom('06:00:00', '19:50:00', 'open', {}),
);
