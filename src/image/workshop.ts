/** Where packages are unpacked and layers compressed: this machine, or a Docker container with the same two tools. */
import type { Writable } from 'node:stream';
import type { Arch } from '../drivers/driver.ts';

export interface UnpackRequest {
  readonly suite: string;
  readonly arch: Arch;
  readonly packages: readonly string[];
  /** Folder of `.deb` files that need not be downloaded again. */
  readonly debs: string;
  /** Takes mmdebstrap's tar. */
  readonly output: Writable;
  /** mmdebstrap's and apt's messages, a line at a time; hostile text. */
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** How a tool ended, when it did not end well: `mmdebstrap ended with status 25`. */
export class WorkshopFailure extends Error {
  readonly evidence: readonly string[];

  constructor(outcome: string, evidence: readonly string[]) {
    super(outcome);
    this.name = 'WorkshopFailure';
    this.evidence = evidence;
  }
}

/** What a reader needs of apt's and mmdebstrap's last lines: the errors themselves; everything where none is marked so. */
export function tellingLines(lines: readonly string[]): readonly string[] {
  const errors = lines.filter((line) => line.startsWith('E: ') && !/^E: (mmdebstrap|apt-get\b.*) failed/.test(line));
  return errors.length > 0 ? errors : lines;
}

export interface Workshop {
  /** Completes `building the gateway image ...`: `with mmdebstrap`. */
  readonly description: string;
  /** What setting the workshop up may download by itself. */
  readonly setupBytes: number;
  /** @throws WorkshopFailure */
  unpack(request: UnpackRequest): Promise<void>;
  /** One zstd frame, the same bytes for the same input. @throws WorkshopFailure */
  compress(data: Buffer, signal: AbortSignal | undefined): Promise<Buffer>;
  close(): Promise<void>;
}

/** Tools a workshop is made of, as packages of Debian. */
export const WORKSHOP_TOOLS = ['mmdebstrap', 'zstd'] as const;

/**
 * Extracts and never runs: maintainer scripts are not executed, which makes foreign architectures possible, and
 * ordinary users without user namespaces (mode chrootless, of which only the unpacking is used).
 * No mirror is named: mmdebstrap's default, and the machine's apt configuration, decide. The downloaded `.deb` files
 * stay in the tar (cleanup of apt's cache is skipped) to be hashed and kept.
 */
export function mmdebstrapArguments(
  request: Pick<UnpackRequest, 'suite' | 'arch' | 'packages' | 'debs'> & { readonly asRoot: boolean },
): string[] {
  return [
    `--mode=${request.asRoot ? 'root' : 'chrootless'}`,
    '--verbose',
    '--variant=extract',
    `--architectures=${request.arch}`,
    `--include=${request.packages.join(',')}`,
    '--skip=cleanup/apt/cache',
    '--aptopt=Acquire::Retries "3"',
    '--setup-hook=mkdir -p "$1"/var/cache/apt/archives',
    `--setup-hook=sync-in '${request.debs.replaceAll("'", `'\\''`)}' /var/cache/apt/archives`,
    request.suite,
    '-',
  ];
}

/**
 * Level 19 on one thread: several threads would cut the input by their number, and the bytes with it. The length is
 * said, or the bytes would tell whether the input came from a file or a pipe.
 */
export function zstdArguments(inputBytes: number): string[] {
  return ['-19', '--single-thread', '--no-check', '--quiet', `--stream-size=${inputBytes}`, '--stdout'];
}
