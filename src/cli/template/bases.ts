import { fetchPinned, parseReference } from '../../oci/index.ts';
import type { LoadOptions } from '../../template/index.ts';

/** Files of templates in registries that others extend, by the digest these name; from the store where they are there. */
export function basesFrom(options: Parameters<typeof fetchPinned>[1]): NonNullable<LoadOptions['pinned']> {
  return (name, digest) => fetchPinned({ ...parseReference(name), digest }, options);
}
