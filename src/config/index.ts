/** vmgate.yaml: found, read, judged, completed. */
export type { ConfigIssue } from './codes.ts';
export type { Config, ExitExpectation, WorkConfig, WorkSource } from './config.ts';
export { type LoadedConfig, loadConfig } from './load.ts';
export { jsonSchema } from './schema.ts';
