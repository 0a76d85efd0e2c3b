/** Verification: gathers facts about a connected gateway; `core/checks` judges them. */
export { errors } from './codes.ts';
export type { VerifyContext, VerifyMode, VerifyRequest } from './context.ts';
export { renderCanary } from './probe/canary-frames.ts';
export { type ProbeStand, probeStand } from './probe/stand.ts';
export { newToken } from './token.ts';
export { type VerifyReport, verifyGate } from './verify.ts';
