/**
 * npm run build [-- FOLDER [DIGESTS]]
 *
 * DIGESTS: JSON, the images of the gateways that are released with it, by architecture (packaging/pack-gateway.mjs).
 *
 * Makes the published program in dist/ (or FOLDER): one bundle for each process, with every library in it, so that an
 * installation is one package without dependencies. Types are no part of it: `npm run lint` checks them.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { loadBuiltinsDirectly } from './builtins.mjs';
import { leaveOut } from './left-out.mjs';
import { licensesOf } from './licenses.mjs';
import { onlyWhatIsUsed } from './only-what-is-used.mjs';
import { keepTogether, staticallyImported } from './together.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Processes share no code: each loads as few files as it can, and a chunk costs a start more than its bytes do.
 * `together`: what nearly every run of the program needs, in one chunk.
 */
const PROGRAMS = [
  { entries: ['src/main.ts'], together: ['src/cli/run.ts', 'src/cli/commands/status.ts'] },
  { entries: ['src/supervisor/main.ts', 'src/lab/supervisor-main.ts'], together: [] },
  { entries: ['src/guard/main.ts', 'src/lab/guard-absent.ts'], together: [] },
];

const SETTINGS = {
  absWorkingDir: ROOT,
  outbase: 'src',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Names stay, and lines are short: Node shows both where an error is not caught.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 120,
  legalComments: 'none',
  // Its ES modules instead of its CommonJS: what is not used stays out.
  alias: { yaml: './node_modules/yaml/browser/dist/index.js' },
  // Libraries look there for native code and for a helper on Windows.
  define: {
    __dirname: '"/nowhere"',
    __filename: '"/nowhere/file"',
    // A text: of an object every file would import its own making.
    RELEASED_GATEWAYS: JSON.stringify(process.argv[3] ?? '{}'),
  },
  chunkNames: 'chunks/[name]-[hash]',
  logLevel: 'warning',
  metafile: true,
  write: false,
};

const outdir = path.resolve(ROOT, process.argv[2] ?? 'dist');
await rm(outdir, { recursive: true, force: true });
const inputs = (await Promise.all(PROGRAMS.map((program) => makeProgram(program, outdir)))).flat();
await writeFile(path.join(outdir, 'THIRD-PARTY-LICENSES'), await licensesOf(ROOT, inputs));

/** @returns the files that went into it, relative to the root */
async function makeProgram(program, outdir) {
  const settings = { ...SETTINGS, outdir, plugins: [leaveOut()] };
  const before = await staticallyImported(settings, program.entries);
  const shared = await staticallyImported(settings, program.together);
  const { outputFiles, metafile } = await build({
    ...settings,
    entryPoints: program.entries,
    plugins: [...settings.plugins, shared.length > 0 ? keepTogether(ROOT, before, shared) : onlyWhatIsUsed()],
  });
  await refuseNamesOfCommonJs(metafile);
  for (const file of outputFiles) {
    const { imports } = metafile.outputs[path.relative(ROOT, file.path)];
    const builtins = imports.filter(({ path: name, kind }) => kind === 'import-statement' && isBuiltin(name));
    const text = loadBuiltinsDirectly(withoutIdleImports(file, metafile), builtins.length);
    await mkdir(path.dirname(file.path), { recursive: true });
    await writeFile(file.path, text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  return Object.keys(metafile.inputs);
}

/** Without those of the chunk that holds only the bundler's own helpers: who uses one of them asks for it by name. */
function withoutIdleImports({ path: file, text }, { outputs }) {
  const helpers = Object.entries(outputs).filter(([, { inputs }]) => Object.keys(inputs).length === 0);
  return helpers.reduce((left, [name]) => {
    const target = path.posix.relative(path.dirname(file), path.join(ROOT, name));
    return left.replaceAll(`import"${target.startsWith('.') ? '' : './'}${target}";`, '');
  }, text);
}

/** In a bundle `await import()` of CommonJS has a default and no names, where Node finds names too. */
async function refuseNamesOfCommonJs({ inputs }) {
  for (const [file, { imports }] of Object.entries(inputs)) {
    const lazy = imports.filter(
      ({ kind, path: target }) => kind === 'dynamic-import' && inputs[target]?.format === 'cjs',
    );
    for (const { original } of file.startsWith('src/') ? lazy : []) {
      const text = await readFile(path.join(ROOT, file), 'utf8');
      const wrong = new RegExp(`const \\{(?! default: \\w+ \\}).*await import\\('${original}'\\)`);
      if (wrong.test(text)) throw new Error(`${file}: ${original} is CommonJS, import its default`);
    }
  }
}
