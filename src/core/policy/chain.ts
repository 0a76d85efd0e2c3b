/**
 * A tunnel inside another: each hop's socket sends to its own server and by its own way, the first by the uplink, each next
 * one by the tunnel of the hop before. What may pass on such a way is the same everywhere: that one socket, to that one
 * place, and the answers.
 */
import { type EgressPolicy, type Endpoint, type TunnelSocket, VPN_USER } from './egress-policy.ts';

/** At most so many tunnels, each in the one before. Each takes 60 bytes and more of every packet, and a round trip. */
export const MAX_HOPS = 3;

export const UPLINK = 'up0';

/** fwmark of the outermost hop's socket: "vm". Each next hop has the next one. */
const FIRST_MARK = 0x766d;

/**
 * Routing tables, and priorities of the rules that lead there, of the second hop and the next; the first hop's is the
 * uplink's own (provision/gateway/rootfs/init).
 */
const FIRST_TABLE = 61;

/** Of the hop at `index`, 0 for the outermost of `count`. */
export function hopNames(index: number, count: number): { readonly ifname: string; readonly mark: number } {
  return { ifname: index === count - 1 ? 'tun0' : `hop${index}`, mark: FIRST_MARK + index };
}

/** By which table packets with that mark are routed; undefined for those that go by the uplink. */
export function tableOf(mark: number): number | undefined {
  return mark > FIRST_MARK ? FIRST_TABLE + mark - FIRST_MARK - 1 : undefined;
}

/** Whether the client that sends there can set no mark. */
export function isKnownByUser({ shape }: Endpoint): boolean {
  return shape === 'openconnect';
}

/** Of the hop whose sockets have that mark, where its client can set none: what it sends is known by its user. */
export function userOf(mark: number): number {
  return VPN_USER - (mark - FIRST_MARK);
}

/** One way on which a VPN socket sends, and where to. */
export interface Carrier {
  /** Card or tunnel that the packets go out by. */
  readonly ifname: string;
  readonly endpoints: readonly Endpoint[];
  readonly socket: TunnelSocket;
}

/** The uplink's first; none without a tunnel. */
export function carriersOf({ endpoints, through = [], tunnel }: EgressPolicy): readonly Carrier[] {
  const sockets = tunnel === undefined ? [] : [...through, tunnel];
  return sockets.map((socket, index) => {
    const below = through[index - 1];
    return below === undefined
      ? { ifname: UPLINK, endpoints, socket }
      : { ifname: below.ifname, endpoints: below.endpoints, socket };
  });
}

/** Whose socket sends on the uplink. */
export function uplinkSocket({ through = [], tunnel }: EgressPolicy): TunnelSocket | undefined {
  return through[0] ?? tunnel;
}
