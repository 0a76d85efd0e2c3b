/**
 * What is typed into a work VM to set it up. Which scripts ran is written down in the VM itself, beside what they did: it
 * goes with the disk through snapshots, clones, resets and disposable starts. A VM that lies about it fools only itself.
 */

const FOLDER = '/var/lib/vmgate';
const DONE = `${FOLDER}/provisioned`;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** Of the list of a VM that ran thousands of scripts, the newest. */
export const MAX_DONE_BYTES = 65_536;

/** Prints what ran, one digest a line. */
export const LIST_DONE = `test ! -e ${DONE} || tail -c ${MAX_DONE_BYTES} ${DONE}`;

/** Lines of a guest: what is no digest says nothing. */
export function readDone(output: string): ReadonlySet<string> {
  return new Set(output.split('\n').filter((line) => DIGEST.test(line)));
}

/**
 * Runs the script that comes on its stdin, as a file, so that the script's own first line says what reads it. Its output
 * is one stream, its input empty. Ends with the script's status, 124 past the time.
 *
 * @param digest written down when it ended well; undefined for what is asked again and again
 */
export function scriptCommand(seconds: number, digest: string | undefined): string {
  if (digest !== undefined && !DIGEST.test(digest)) throw new RangeError('not a digest');
  const note = digest === undefined ? '' : `[ $status -ne 0 ] || { mkdir -p ${FOLDER} && echo ${digest} >>${DONE}; }; `;
  return (
    'file=$(mktemp) || exit 125; cat >"$file"; chmod 700 "$file"; ' +
    `timeout ${Math.ceil(seconds)} "$file" </dev/null 2>&1; status=$?; rm -f "$file"; ${note}exit $status`
  );
}
