/**
 * No file of vmgate does anything by being imported, its entries apart. Told so, the bundler follows a room's door only
 * to what is asked for there: the supervisor does without the building of images.
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
