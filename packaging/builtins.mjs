/**
 * `import fs from 'node:fs'` costs more than that module does: Node makes an ES module of it, reads its every export,
 * and so loads streams, web crypto and whatever else hides behind a getter. `process.getBuiltinModule` loads it and no
 * more. Measured on `vmgate status`: a tenth of the whole command.
 */

/** Node 20.16 and 22.3 brought it. Older ones do it the long way, and get as far as being told that they are too old. */
const PRELUDE =
  'import{createRequire as vmgateRequire}from"node:module";' +
  'const vmgateBuiltin=globalThis.process.getBuiltinModule??vmgateRequire(import.meta.url)';

/** As esbuild writes it when it leaves out spaces: `import a,{b as c}from"node:fs";` or `import*as a from"node:fs";`. */
const IMPORT = /\bimport(?: ([\w$]+)(?:,| (?=from)))?(?:\*as ([\w$]+) |\{([^{}]*)\})?from"((?:node:)?[\w/]+)";/g;
const HASHBANG = /^#!.*\n/;

/**
 * Each import of a module of Node becomes a constant at the top: imports are bound before any code runs. CommonJS
 * libraries get as `require` the same and nothing else, whatever lies around an installed vmgate.
 *
 * @param expected how many such imports the bundler says there are
 */
export function loadBuiltinsDirectly(text, expected) {
  const constants = [];
  let found = 0;
  const code = text.replace(HASHBANG, '').replaceAll(IMPORT, (_, byDefault, whole, names, module) => {
    found += 1;
    const targets = [byDefault, whole, names === undefined ? undefined : `{${names.replaceAll(' as ', ':')}}`];
    constants.push(...targets.filter(Boolean).map((target) => `${target}=vmgateBuiltin("${module}")`));
    return '';
  });
  if (found !== expected) throw new Error(`${expected} imports of Node's modules, ${found} found in the text`);
  if (code.includes('typeof require')) constants.push('require=vmgateBuiltin');
  const [hashbang = ''] = HASHBANG.exec(text) ?? [];
  return `${hashbang}${constants.length === 0 ? '' : `${[PRELUDE, ...constants].join(',')};\n`}${code}`;
}
