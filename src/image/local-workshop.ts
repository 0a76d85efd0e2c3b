/** Packages unpacked on this very machine, as root or not. */
import { findTool, type RunResult, run } from '../host/index.ts';
import {
  type Compression,
  compressorArguments,
  DISK_TOOLS,
  type DiskRequest,
  mmdebstrapArguments,
  tellingLines,
  type UnpackRequest,
  WORKSHOP_TOOLS,
  type Workshop,
  WorkshopFailure,
} from './workshop.ts';

/** A slow mirror is no reason to give up; a hanging one is. */
const UNPACK_TIMEOUT_MS = 30 * 60_000;
const COMPRESS_TIMEOUT_MS = 10 * 60_000;
/** Kernel packages unpack to 150 MB; this bounds what a tool gone mad may fill memory with. */
const MAX_TAR_BYTES = 1_500_000_000;
/** A desktop with a browser installs to 2 GB. */
const MAX_INSTALLED_BYTES = 6_000_000_000;
const DISK_TIMEOUT_MS = 20 * 60_000;
const MAX_LAYER_BYTES = 250_000_000;

export function missingTools(withDisk: boolean): readonly string[] {
  const wanted = [...WORKSHOP_TOOLS, ...(withDisk ? [...DISK_TOOLS, ...(isRoot() ? [] : ['fakeroot'])] : [])];
  return wanted.filter((tool) => findTool(tool) === undefined);
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

export const localWorkshop: Workshop = {
  description: 'with mmdebstrap',
  setupBytes: 0,

  async unpack(request: UnpackRequest): Promise<void> {
    const result = await run({
      tool: 'mmdebstrap',
      argv: mmdebstrapArguments({ ...request, asRoot: isRoot() }),
      timeoutMs: UNPACK_TIMEOUT_MS,
      maxBytes: request.install === undefined ? MAX_TAR_BYTES : MAX_INSTALLED_BYTES,
      onStdout: (chunk) => request.output.write(chunk),
      onLine: (line, stream) => {
        if (stream === 'stderr') request.onLine(line);
      },
      env: aptEnvironment(),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    judge(result, 'mmdebstrap');
    request.output.end();
  },

  async compress(data: Buffer, format: Compression, signal: AbortSignal | undefined): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const result = await run({
      tool: format,
      argv: [...compressorArguments(format, data.length), '-'],
      stdin: data,
      timeoutMs: COMPRESS_TIMEOUT_MS,
      maxBytes: MAX_LAYER_BYTES,
      onStdout: (chunk) => chunks.push(chunk),
      ...(signal === undefined ? {} : { signal }),
    });
    judge(result, format);
    return Buffer.concat(chunks);
  },

  async makeDisk({ script, tar, folder, gigabytes, signal }: DiskRequest): Promise<void> {
    const command = ['sh', script, tar, folder, String(gigabytes)];
    const [tool = 'sh', ...argv] = isRoot() ? command : ['fakeroot', '--', ...command];
    const timeoutMs = DISK_TIMEOUT_MS;
    judge(await run({ tool, argv, timeoutMs, ...(signal === undefined ? {} : { signal }) }), 'make-disk.sh');
  },

  async close(): Promise<void> {},
};

/** apt's own settings. Packages are signed, so where they come from weakens nothing. */
function aptEnvironment(): Record<string, string> {
  const { APT_CONFIG } = process.env;
  return APT_CONFIG === undefined ? {} : { APT_CONFIG };
}

function judge(result: RunResult, tool: string): void {
  if (result.code === 0 && !result.timedOut && !result.aborted && !result.overflowed) return;
  const minutes = Math.round(result.durationMs / 60_000);
  const outcome = result.timedOut
    ? `${tool} did not end within ${minutes} minutes`
    : result.overflowed
      ? `${tool} printed more than it should`
      : result.code === undefined
        ? `${tool} was ended by ${result.signal}`
        : `${tool} ended with status ${result.code}`;
  throw new WorkshopFailure(outcome, tellingLines(result.stderr.trimEnd().split('\n').slice(-20)));
}
