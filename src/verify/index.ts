/** Verification: gathers facts about a connected gateway; `core/checks` judges them. */
export { errors } from './codes.ts';
export type { VerifyContext, VerifyMode, VerifyRequest } from './context.ts';
export { type ProbeStand, probeStand } from './probe/stand.ts';
export { type VerifyReport, verifyGate } from './verify.ts';
