/**
 * No file of vmgate does anything by being imported, its entries apart. Told so, the bundler follows a room's door only
 * to what is asked for there: the supervisor does without the building of images.
 *
 * The price: esbuild no longer knows that these files are ES modules, so the default import of a CommonJS library that
 * marks itself `__esModule` is undefined (xz-decompress). No program built with this may have one.
 */
import path from 'node:path';

export function onlyWhatIsUsed() {
  return {
    name: 'only what is used',
    setup(build) {
      build.onResolve({ filter: /^\..*\.ts$/ }, ({ path: file, resolveDir }) => ({
        path: path.join(resolveDir, file),
        sideEffects: false,
      }));
    },
  };
}
