/** What the guard kept of frames that tried to leave, and what a day at the gate looked like. */
export { framesCovered } from './coverage.ts';
export { exportFile } from './export.ts';
export { type Flow, flowsOf } from './flows.ts';
export { framesOf } from './kept.ts';
export { digestOf, type Kept, RingDigest, readRing } from './ring.ts';
export type { Zone } from './timeline/clock.ts';
export { type Day, type DayRange, dayOf } from './timeline/day.ts';
export { describeDay } from './timeline/day-text.ts';
export { BASE_STYLE } from './timeline/page/base-style.ts';
export { htmlDocument } from './timeline/page/document.ts';
export { escapeHtml } from './timeline/page/markup.ts';
export { renderPage } from './timeline/page/page.ts';
export { readSamples } from './timeline/samples.ts';
export { type Violation, violationsOf } from './violations.ts';
