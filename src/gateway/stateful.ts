/** Leases and counters out of what `nft -j list` prints. The kernel's own numbers, told by a guest: bounded, parsed. */
import * as z from 'zod';

export const nftDocument = z.object({ nftables: z.array(z.unknown()).max(4_096) });

const count = z.number().nonnegative();
const counter = z.object({ counter: z.object({ name: z.string().max(64), packets: count, bytes: count }) });
const element = z.object({ elem: z.object({ val: z.string().max(15), expires: count }) });
const openSet = z.object({ set: z.object({ name: z.literal('open'), elem: z.array(element).max(64).optional() }) });

export interface Stateful {
  /** nft tells whole seconds. */
  readonly leases: { readonly ifname: string; readonly expiresMs: number }[];
  readonly counters: Record<string, { packets: number; bytes: number }>;
}

/** `entries`: of one or several documents. What is neither a counter nor the set `open` is passed over. */
export function statefulOf(entries: readonly unknown[]): Stateful {
  const leases = entries.flatMap((entry) => {
    const { data } = openSet.safeParse(entry);
    return (data?.set.elem ?? []).map(({ elem }) => ({ ifname: elem.val, expiresMs: elem.expires * 1_000 }));
  });
  const counters = entries.flatMap((entry) => {
    const { data } = counter.safeParse(entry);
    if (data === undefined) return [];
    const { name, packets, bytes } = data.counter;
    return [[name, { packets, bytes }] as const];
  });
  return { leases, counters: Object.fromEntries(counters) };
}
