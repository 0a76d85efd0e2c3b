/**
 * How large a packet the way to the VPN server carries. Routers that drop what is too large for them and tell nobody
 * ("black holes") let a handshake through and every small answer, and hang what is worth a tunnel: so a question as large
 * as the tunnel's packets may be is asked of its resolver.
 */
import { randomInt } from 'node:crypto';
import { buildDnsQuery, parseDns } from '../frame/index.ts';
import type { GatewayControl } from '../gateway/index.ts';
import { monotonicMs } from '../host/index.ts';
import type { TunnelPlan } from '../vpn/index.ts';
import { exchange } from './names.ts';

/**
 * What is tried where the plan's own size is too large, bytes. A tunnel takes 60 of what a path carries (IPv4, UDP,
 * WireGuard): these fit paths of 1,420 (another tunnel), 1,340, 1,280, 1,040 and 800 bytes. Multiples of 16, to which WireGuard
 * pads: the guard holds lengths to that.
 */
const SMALLER = [1_360, 1_280, 1_216, 976, 736] as const;

/** For a path of 576 bytes: what every way carries that is worth a tunnel. */
const SMALLEST = 512;

/** IPv4, TCP with timestamps, and the length in front of the question. */
const HEADERS = 20 + 32 + 2;
const DNS_PORT = 53;
/** TCP has repeated itself by then. */
const ANSWER_MS = 2_000;
/** On a machine that is slow with a small question: so many times what that one took, within a connect's time. */
const SLOW = { times: 4, mostMs: 4_000 } as const;
/** No resolver asks anybody else about it: RFC 6761, 6.4. */
const NOWHERE = 'invalid';

/**
 * Whether a question in one packet of `mtu` bytes is answered. By TCP: many resolvers take no question above 1,232 bytes by
 * UDP, whatever the way carries.
 */
export async function carries(
  control: GatewayControl,
  plan: TunnelPlan,
  mtu: number,
  limitMs: number = ANSWER_MS,
): Promise<boolean> {
  const [resolver] = plan.resolvers;
  if (resolver === undefined) return false;
  const id = randomInt(0x1_0000);
  const zone = (plan.split ? plan.searchDomains[0] : undefined) ?? NOWHERE;
  const query = buildDnsQuery(id, `mtu${randomInt(1e9)}.${zone}`, undefined, mtu - HEADERS);
  try {
    const message = parseDns(await exchange(await control.dial(resolver, DNS_PORT), query, limitMs));
    return message?.response === true && message.id === id;
  } catch {
    return false;
  }
}

/**
 * The size that is carried, once the plan's own was not answered; the plan's, where no size is: then it is the resolver
 * that answers no large questions, and nothing is known of the way. One question after the other: a gateway that is busy
 * with several answers none in time. A small one first says how long an answer takes: a slow machine is no narrow way.
 */
export async function carriedMtu(control: GatewayControl, plan: TunnelPlan): Promise<number> {
  const began = monotonicMs();
  if (!(await carries(control, plan, Math.min(plan.mtu, SMALLEST), SLOW.mostMs))) return plan.mtu;
  const patienceMs = Math.min(SLOW.mostMs, Math.max(ANSWER_MS, SLOW.times * (monotonicMs() - began)));
  if (await carries(control, plan, plan.mtu, patienceMs)) return plan.mtu;
  const sizes = SMALLER.filter((size) => size < plan.mtu);
  // By halves: what is swallowed costs a question's whole patience.
  let [swallowed, carried] = [-1, sizes.length];
  while (carried - swallowed > 1) {
    const middle = Math.floor((swallowed + carried) / 2);
    if (await carries(control, plan, sizes[middle] ?? plan.mtu, patienceMs)) carried = middle;
    else swallowed = middle;
  }
  return sizes[carried] ?? Math.min(plan.mtu, SMALLEST);
}
