/** The demo: the main job on an embedded lab, step by step, observed. */
export { buildMissing, playDemo } from './play.ts';
export { Stage, type StageOptions, WORK_VM } from './stage.ts';
