/** Drills: faults on real machines in the lab, counted. */
export { type CyclesOptions, type Progress, runCycles } from './cycles.ts';
export { reportText } from './report-text.ts';
export { type Cycle, type CyclesReport, verdictOf } from './statistics.ts';
