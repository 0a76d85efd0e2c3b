/** What both readings of the guard's policy say of a frame: the plain one, and the fast one that has to agree. */
import { expect } from '@jest/globals';
import { compileMatcher, judgeFrame, type UplinkPolicy } from '../../../../src/core/policy/index.ts';
import { udpFrame } from '../../../../src/frame/index.ts';
import { flow, hop } from './frames.ts';

/** The kind of what passes; else why it does not. */
export function judgedFrame(frame: Buffer, policy: UplinkPolicy): string {
  const verdict = judgeFrame(policy, frame);
  const kind = compileMatcher(policy).match(frame, 0, frame.length);
  expect(kind).toBe(verdict.verdict === 'pass' ? verdict.kind : undefined);
  return verdict.verdict === 'pass' ? verdict.kind : verdict.why;
}

/** Of a datagram to the endpoint. */
export function judgedDatagram(payload: Buffer, policy: UplinkPolicy): string {
  return judgedFrame(udpFrame(hop, flow, payload), policy);
}
