/** What apt prints while mmdebstrap runs it, as download progress. */

export interface AptProgress {
  /** apt has decided: how much it needs, and how much of that is not cached. */
  readonly planned: (sizes: { readonly missingBytes: number; readonly totalBytes: number }) => void;
  /** Another tenth of what was missing has been asked for. */
  readonly advanced: (sizes: { readonly doneBytes: number; readonly totalBytes: number }) => void;
}

const PLAN = /^Need to get (?:(\d[\d,]*(?:\.\d+)? \w+)\/)?(\d[\d,]*(?:\.\d+)? \w+) of archives/;
/** `Get:7 http://... trixie/main amd64 busybox amd64 1:1.37.0-6+b9 [485 kB]` */
const FETCH = /^Get:\d+ .*\[(\d[\d,]*(?:\.\d+)? \w+)\]$/;
const STEPS = 10;

/** A listener for mmdebstrap's lines. Package lists, fetched before the plan, do not count. */
export function aptProgress({ planned, advanced }: AptProgress): (line: string) => void {
  let missingBytes = 0;
  let doneBytes = 0;
  return (line) => {
    const plan = PLAN.exec(line);
    if (plan !== null) {
      const totalBytes = bytesOf(plan[2] ?? '');
      missingBytes = plan[1] === undefined ? totalBytes : bytesOf(plan[1]);
      planned({ missingBytes, totalBytes });
    }
    const fetched = missingBytes === 0 ? undefined : FETCH.exec(line)?.[1];
    if (fetched === undefined) return;
    const before = Math.floor((doneBytes / missingBytes) * STEPS);
    doneBytes = Math.min(missingBytes, doneBytes + bytesOf(fetched));
    if (Math.floor((doneBytes / missingBytes) * STEPS) > before) advanced({ doneBytes, totalBytes: missingBytes });
  };
}

/** apt's sizes: `41.2 MB`, `1,108 B`. */
function bytesOf(text: string): number {
  const [number = '0', unit = 'B'] = text.replaceAll(',', '').split(' ');
  const factor = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit] ?? 1;
  return Math.round(Number(number) * factor);
}
