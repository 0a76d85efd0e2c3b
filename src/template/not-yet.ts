/** Keys that a template will have one day: refused in plain words, because nobody misspelt them. */

const PLANNED: Readonly<Record<string, string>> = {
  build: 'build an image from packages',
  url: 'download an image: say where it is to be had, and its digest, in from',
  path: 'take an image by path from a template: use disk: {parameter: NAME}',
  size: 'make a disk of another size',
  snapshot: 'make snapshots',
  disposable: 'start a VM whose disk is dropped',
  dns: 'give a work VM resolvers of its own',
};

/** Where whoever runs vmgate decides, not the template. */
const THEIRS: Readonly<Record<string, string>> = {
  endpoint: 'would loosen what is protected: whoever wants it writes it into vmgate.yaml',
  notify: 'is for whoever runs it to say, in vmgate.yaml',
  gate: 'is for whoever runs it to say: vmgate init --gate NAME',
};

/** The sentence for a planned key, undefined for all others. */
export function plannedKey(path: readonly PropertyKey[], key: string): string | undefined {
  if (path.length === 0 && Object.hasOwn(THEIRS, key)) return `${key} ${THEIRS[key] ?? ''}`;
  const isVm = path[0] === 'vm' || path[0] === 'work' || path.length === 0;
  if (isVm && key === 'disk' && !path.includes('image')) return 'this version cannot make a disk of another size';
  return isVm && Object.hasOwn(PLANNED, key) ? `this version cannot ${PLANNED[key] ?? ''} (${key})` : undefined;
}
