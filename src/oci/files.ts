/** The files of a template, as they travel: what comes is judged by its manifest, before a byte of it is asked for. */
import { VmgateError } from '../core/coded.ts';
import { faultInFiles, MAX_FILE_BYTES, MAX_FILES, TEMPLATE_FILE, type TemplateFile } from '../core/template-files.ts';
import { errors } from './codes.ts';

export { MAX_FILE_BYTES, MAX_FILES, TEMPLATE_FILE, type TemplateFile };

/** @throws REGISTRY_FILES_REFUSED for the first one that is wrong */
export function requireFiles(files: readonly { readonly path: string; readonly bytes: number }[]): void {
  if (files.length > MAX_FILES)
    throw refused('', `there are ${files.length} files, and at most ${MAX_FILES} are taken`);
  const fault = faultInFiles(files);
  if (fault !== undefined) throw refused(fault.path, fault.why);
  const isThere = files.some((file) => file.path.toLowerCase() === TEMPLATE_FILE);
  if (!isThere) throw refused(TEMPLATE_FILE, 'it is missing, and every template has one');
}

function refused(name: string, why: string): VmgateError {
  return VmgateError.of(errors.REGISTRY_FILES_REFUSED, { path: name.slice(0, 300), why });
}
