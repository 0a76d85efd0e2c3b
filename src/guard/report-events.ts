/** Reports of the guard as coded events, for the journal. */
import { type CodedEvent, occur } from '../core/coded.ts';
import { events } from './codes.ts';
import type { GuardReport } from './protocol.ts';

/** Undefined for reports that are answers or numbers, not happenings. */
export function eventOf(report: GuardReport): CodedEvent | undefined {
  switch (report.type) {
    case 'violation': {
      const { why, frame } = report;
      return occur(report.canary ? events.GUARD_CANARY_SEEN : events.GUARD_FOREIGN_FRAME, { why, frame });
    }
    case 'disarmed':
      return occur(events.GUARD_DISARMED, { why: report.why });
    case 'gateway-lost':
      return occur(events.GUARD_GATEWAY_LOST, { why: report.why });
    case 'ready':
    case 'counts':
    case 'sync':
      return undefined;
  }
}
