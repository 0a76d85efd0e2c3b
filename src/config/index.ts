/** vmgate.yaml: found, read, judged, completed. */
export type { ConfigIssue } from './codes.ts';
export type { Config, ExitExpectation, WorkConfig, WorkSource } from './config.ts';
export { type WorkEntry, withCopiedWorkVm, withoutWorkVm, withWorkVm } from './edit.ts';
export { judgeText, type LoadedConfig, loadConfig } from './load.ts';
export { parseSizeMiB } from './quantities.ts';
export { jsonSchema } from './schema.ts';
