/** The guard: a process of its own that every frame leaving the gateway passes through. */
export type { Guard } from './guard.ts';
export { type GuardStart, startGuard } from './handle.ts';
// For the lab's guard that lets everything pass.
export { type GuardSurroundings, runGuard } from './process.ts';
export { type FrameCounts, type GuardReport, MAX_ARM_MS, MAX_PORTAL_MS } from './protocol.ts';
