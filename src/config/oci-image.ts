/** Images of registries, as a work VM names them: by digest, for a tag is whatever its registry says today. */
import * as z from 'zod';

/** As in `template:`; src/oci reads it to the letter where it is used. */
const NAMED = /^[a-z0-9[\]:.-]+\/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/;
const MAX_REFERENCE = 512;

/** What is wrong with a reference to an image; undefined when nothing is. */
function pinnedFault(text: string): string | undefined {
  if (text.length > MAX_REFERENCE) return `must have at most ${MAX_REFERENCE} characters`;
  const [named = '', digest, ...more] = text.split('@');
  if (!NAMED.test(named)) return 'must begin as registry.example.com/team/desktop:7';
  if (digest === undefined) {
    return 'must name its version by digest: HOST/REPOSITORY:TAG@sha256:DIGEST, as vmgate image push and pull print it';
  }
  const [, algorithm] = /^([a-z0-9+._-]{1,32}):/.exec(digest) ?? [];
  if (algorithm !== undefined && algorithm !== 'sha256') return `has a digest by ${algorithm}: only sha256 is taken`;
  if (more.length > 0 || !/^sha256:[0-9a-f]{64}$/.test(digest)) return 'must end in @sha256: and 64 hexadecimal digits';
  return undefined;
}

export const ociImage = z
  .string()
  .superRefine((text, context) => {
    const message = pinnedFault(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .meta({
    description:
      'a disk of a registry, HOST/REPOSITORY:TAG@sha256:DIGEST; taken by vmgate init or vmgate image pull, never by a start',
  });
