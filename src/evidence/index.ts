/** What the guard kept of frames that tried to leave. */
export { exportFrames } from './export.ts';
export { type KeptFrames, readKept } from './kept.ts';
