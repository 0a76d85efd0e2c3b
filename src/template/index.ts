/** The door of the template room: what a team shares, judged, merged, and laid over a vmgate.yaml. */
export { errors as templateErrors } from './codes.ts';
export { templateJsonSchema } from './definition.ts';
export { digestOfFiles, TEMPLATE_FILE, type TemplateFile } from './files.ts';
export {
  type Change,
  changesTo,
  type Filled,
  fillParts,
  partsFor,
  questionsOf,
  together,
} from './lay-over.ts';
export { type LoadOptions, loadTemplate, loadTemplateFolder, type Template } from './load.ts';
export { type UnmetNeed, unmetNeed } from './needs.ts';
export { type Parameter, readValue, type Value } from './parameters.ts';
export { shippedNames } from './shipped.ts';
