/** Drills: leak cases and faults on real machines in the lab, each with its defences taken away beside it. */
export { type Attempt, attemptsFrom } from './attempts.ts';
export { CASES, type DrillCase, NOT_HERE } from './catalogue.ts';
export { type CyclesOptions, type Progress, runCycles } from './cycles.ts';
export { runDrill } from './drill.ts';
export { drillText, listText } from './drill-text.ts';
export { drillPage } from './page.ts';
export { type DrillReport, faultOf, reportOf } from './report.ts';
export { reportText } from './report-text.ts';
export { selectCases } from './selection.ts';
export { setupFrom } from './setup.ts';
export { type Cycle, type CyclesReport, faultOfCycles, verdictOf } from './statistics.ts';
export { type Seen, sendMarked } from './volley.ts';
