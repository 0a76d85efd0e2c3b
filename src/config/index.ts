/** vmgate.yaml: found, read, judged, completed. */
export { type ConfigIssue, renderIssue } from './codes.ts';
export type { Config, ExitExpectation, PublishedDisk, WorkConfig, WorkSource } from './config.ts';
export { parseYaml, type YamlDocument } from './document.ts';
export { type WorkEntry, withCopiedWorkVm, withoutWorkVm, withWorkVm } from './edit.ts';
export { chainOf, profilesOf } from './failover.ts';
export { checkDocument, type Vocabulary } from './issues.ts';
export type { TemplateLayer } from './layer.ts';
export {
  type EgressPlaces,
  judgeText,
  type LoadedConfig,
  loadConfig,
  type NamedTemplates,
  namedTemplates,
  type Place,
} from './load.ts';
export { parseDuration, parseSizeMiB } from './quantities.ts';
export { BOUNDS, type ConfigFile, DEFAULTS, jsonSchema, ON_LOSS, pieces } from './schema.ts';
export type { ProvisionStep, ReadyProbe, SetUp } from './set-up.ts';
