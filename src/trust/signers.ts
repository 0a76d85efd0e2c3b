/**
 * `vmgate.trust`: whose signatures count, and for which repositories. It is an allowed_signers file of OpenSSH
 * (ssh-keygen(1)) whose principals are repositories, so stock ssh-keygen judges by the very same lines:
 *
 *     registry.example.com/team/* namespaces="vmgate-template" ssh-ed25519 AAAA... ann
 *
 * What ssh-keygen knows beyond that (authorities, times of validity, other patterns) is refused, not passed over: a line
 * that means less to vmgate than to its author would be a hole.
 */
import { VmgateError } from '../core/coded.ts';
import { fingerprint, MalformedSsh, parsePublicLine } from '../ssh/index.ts';
import { errors } from './codes.ts';

/** What a signature on a template is for: one for a receipt, a commit or a file is none. */
export const TEMPLATE_NAMESPACE = 'vmgate-template';

export interface AllowedSigner {
  /** `registry.example.com/team/dev`, or all below `registry.example.com/team/*`. */
  readonly repositories: readonly string[];
  readonly blob: Buffer;
  readonly fingerprint: string;
  readonly comment: string;
}

const MAX_FILE = 65_536;
const MAX_LINES = 500;
const REPOSITORY = /^[a-z0-9[][a-z0-9.:[\]_-]{0,254}(?:\/[a-z0-9._-]+)*(?:\/\*)?$/;
const NAMESPACES = `namespaces="${TEMPLATE_NAMESPACE}"`;

/**
 * Reads the lines of a `vmgate.trust`. `file` is its name, for what is said about it.
 *
 * @throws TRUST_SIGNERS_INVALID with the line's number
 */
export function parseSigners(text: string, file: string): readonly AllowedSigner[] {
  const invalid = (line: number, why: string) => VmgateError.of(errors.TRUST_SIGNERS_INVALID, { file, line, why });
  if (text.length > MAX_FILE) throw invalid(1, `the file is longer than ${MAX_FILE} characters`);
  const lines = text.split(/\r?\n/);
  if (lines.length > MAX_LINES) throw invalid(MAX_LINES, `there are more than ${MAX_LINES} lines`);
  return lines.flatMap((line, index) => {
    if (/^\s*(#|$)/.test(line)) return [];
    try {
      return [parseLine(line)];
    } catch (cause) {
      if (cause instanceof MalformedSsh) throw invalid(index + 1, `its key ${cause.message}`);
      if (cause instanceof Error && !VmgateError.is(cause)) throw invalid(index + 1, cause.message);
      throw cause;
    }
  });
}

function parseLine(line: string): AllowedSigner {
  const [principals = '', options = '', type = '', base64 = '', ...comment] = line.trim().split(/[ \t]+/);
  if (options !== NAMESPACES) throw new Error(`what follows the repositories is not ${NAMESPACES}`);
  const repositories = principals.split(',');
  const wrong = repositories.find((each) => !REPOSITORY.test(each));
  if (wrong !== undefined) {
    throw new Error(`${JSON.stringify(wrong.slice(0, 80))} is no repository, nor all below one as in HOST/team/*`);
  }
  const { blob } = parsePublicLine(`${type} ${base64}`);
  return { repositories, blob, fingerprint: fingerprint(blob), comment: comment.join(' ') };
}

/** The line that lets `signer` sign for one repository, or for `HOST/team/*`. */
export function signerLine(repository: string, publicLine: string): string {
  return `${repository} ${NAMESPACES} ${publicLine}`;
}

/** Whether the line allows it; by whole parts of the path: `HOST/team/*` says nothing about `HOST/teams/dev`. */
export function maySignFor({ repositories }: Pick<AllowedSigner, 'repositories'>, repository: string): boolean {
  return repositories.some((each) =>
    each.endsWith('/*') ? repository.startsWith(each.slice(0, -1)) : repository === each,
  );
}
