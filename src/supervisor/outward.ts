/** `connect`: a program of the host is connected through the tunnel, as a work VM would be: judged, leased, dialled. */
import type { Duplex } from 'node:stream';
import { VmgateError } from '../core/coded.ts';
import { objectionToAddress, readTarget } from '../core/proxy-target.ts';
import { grant } from './checks.ts';
import { errors } from './codes.ts';
import { connectionOf } from './connect.ts';
import { resolveInside } from './names.ts';
import type { Exchange } from './server.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

/** Addresses of one name that are tried, in the resolver's order. */
const MAX_TRIES = 3;

/**
 * The caller has judged that the gate is open; `signal` tells of its close since.
 *
 * @throws GATE_TARGET_REFUSED, GATE_NAME_UNKNOWN, GATE_STREAMS_FULL, GATEWAY_DIAL_FAILED, and what the signal throws
 */
export async function connectOut(
  world: World,
  { host, port }: { readonly host: string; readonly port: number },
  exchange: Exchange,
  signal: AbortSignal,
): Promise<void> {
  world.outlets.hold(exchange.gone);
  await world.outlets.open(exchange, signal, async () => {
    const addresses = await addressesOf(world, host);
    signal.throwIfAborted();
    await leaseTunnel(world, signal);
    return dialFirst(world, addresses, port, signal);
  });
}

/** Those that may be connected to, at least one. A name is judged by where it leads. */
async function addressesOf(world: World, host: string): Promise<readonly string[]> {
  const { control } = sessionOf(world);
  const { policy, plan } = connectionOf(world);
  const refused = (why: string) => VmgateError.of(errors.GATE_TARGET_REFUSED, { host, why });
  const target = readTarget(host);
  if (target.kind === 'refused') throw refused(target.why);
  const dial = (address: string, port: number) => control.dial(address, port);
  const found =
    target.kind === 'address'
      ? [target.address]
      : await resolveInside(target.name, policy.tunnel?.resolvers ?? [], dial);
  const objections = found.map((address) => objectionToAddress(address, policy, plan.addresses));
  const admitted = found.filter((_, index) => objections[index] === undefined);
  if (admitted.length === 0) throw refused(objections.find((why) => why !== undefined) ?? 'it has no address');
  return admitted.slice(0, MAX_TRIES);
}

/** Renewed with the leases of the work links from here on, for as long as somebody uses the tunnel. */
async function leaseTunnel(world: World, signal: AbortSignal): Promise<void> {
  const connection = connectionOf(world);
  const tunnel = connection.policy.tunnel?.ifname;
  if (tunnel === undefined || connection.granted.includes(tunnel)) return;
  await connection.lane.run(async () => {
    signal.throwIfAborted();
    if (!connection.granted.includes(tunnel)) await grant(world, [...connection.granted, tunnel], signal);
  });
}

async function dialFirst(
  world: World,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  let last: unknown;
  for (const address of addresses) {
    signal.throwIfAborted();
    try {
      return await sessionOf(world).control.dial(address, port);
    } catch (cause) {
      last = cause;
    }
  }
  throw last;
}
