/** vmgate.yaml: found, read, judged, completed. */
export { type ConfigIssue, renderIssue } from './codes.ts';
export type { Config, ExitExpectation, WorkConfig, WorkSource } from './config.ts';
export { type EgressPlaces, type LoadedConfig, loadConfig, type Place } from './load.ts';
export { jsonSchema } from './schema.ts';
