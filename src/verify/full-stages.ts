/**
 * The stages of a complete verification, as promises of each other. Three things have an order: canaries while the probe
 * link is closed, then its lease, then everything that needs it.
 */
import { type CanaryPhase, disturbed } from '../core/checks/canary.ts';
import type { DnsFacts } from '../core/checks/dns.ts';
import type { ExitFacts } from '../core/checks/exit.ts';
import type { FullSnapshot } from '../core/checks/snapshot.ts';
import { VmgateError } from '../core/coded.ts';
import { bounded } from './bounded.ts';
import { closedCanaries, openCanaries, phase, sendVolley, type Volley } from './canary.ts';
import { errors } from './codes.ts';
import type { VerifyContext } from './context.ts';
import { askResolver } from './dns.ts';
import { askExit, findExit } from './exit.ts';
import { ARP_MS, DNS_MS } from './limits.ts';
import { type Moment, takeCounts, takeMoment, takeSnapshot } from './moment.ts';
import type { ProbeStation } from './probe/station.ts';
import type { Token } from './token.ts';

export interface FullStages {
  /** Before anything was tried. */
  readonly before: Promise<Moment<FullSnapshot>>;
  /** `after`: between the closed canaries and the lease. */
  readonly closed: Promise<{ readonly phase: CanaryPhase; readonly after: Moment }>;
  readonly dns: Promise<DnsFacts>;
  readonly exit: Promise<ExitFacts>;
  /** Canaries from the open probe link. */
  readonly volley: Promise<Volley>;
  /** After everything was tried from the probe link. */
  readonly last: Promise<Moment>;
}

const MOMENT_MS = 8_000;
const VOLLEY_MS = 8_000;
const LEASE_MS = 3_000;
const MAX_CLOSED_VOLLEYS = 3;
/** Beyond `DNS_MS`, for the guard's counts before and after. */
const DNS_MARGIN_MS = 2_000;
const FIND_MS = 3_000;
/** Together with the questions to the resolver less than the life of the leases that are to go on meanwhile. */
const EXIT_MS = 4_500;

/** Every promise but `before` also fails when one it needs has failed. */
export function beginFull(
  context: VerifyContext,
  held: readonly string[],
  token: Token,
  signal: AbortSignal,
): FullStages {
  const opening = bounded('reading the gateway', MOMENT_MS, signal, async () => {
    const station = await context.stand.open(ARP_MS);
    return { station, before: await takeClosedMoment(context, station, held) };
  });
  const closed = opening.then(({ station, before }) =>
    bounded('sending canaries from the closed probe link', VOLLEY_MS, signal, () =>
      sendClosed(context, station, before, held.length === 0, token),
    ),
  );
  const leased = Promise.all([opening, closed]).then(([{ station }]) =>
    bounded('opening the probe link', LEASE_MS, signal, async () => {
      await leaseProbe(context, held);
      return station;
    }),
  );
  const dns = leased.then((station) =>
    bounded('asking the resolver inside the tunnel', DNS_MS + DNS_MARGIN_MS, signal, (stop) =>
      askResolver(context, station, token, DNS_MS, stop),
    ),
  );
  const target = Promise.all([leased, dns]).then(([station, { answer }]) =>
    bounded('finding the exit server', FIND_MS, signal, (stop) =>
      findExit(context, station, answer !== undefined, stop),
    ),
  );
  const exit = target.then((found) =>
    bounded('asking the exit server', EXIT_MS, signal, (stop) => askExit(context, found, stop)),
  );
  const volley = Promise.all([leased, dns]).then(([station]) =>
    bounded('sending canaries from the open probe link', VOLLEY_MS, signal, () =>
      sendVolley(station, openCanaries(context), token),
    ),
  );
  // The exit server's answer is not waited for: it takes a connection of the gateway's own, and most of the time.
  const last = Promise.all([leased, Promise.allSettled([target, volley])]).then(([station]) =>
    bounded('reading the gateway again', MOMENT_MS, signal, async () => {
      await station.reach(ARP_MS);
      return takeMoment(context, station, takeCounts);
    }),
  );
  return { before: opening.then(({ before }) => before), closed, dns, exit, volley, last };
}

/** Leases of an earlier run may still be alive, on the probe link and the tunnel: then they are taken away first. */
async function takeClosedMoment(
  context: VerifyContext,
  station: ProbeStation,
  held: readonly string[],
): Promise<Moment<FullSnapshot>> {
  const moment = await takeMoment(context, station, takeSnapshot);
  const ours = openLinks(context).filter((ifname) => !held.includes(ifname));
  if (!moment.snapshot.facts.leases.some(({ ifname }) => ours.includes(ifname))) return moment;
  await context.control.lease(held);
  await station.reach(ARP_MS);
  return takeMoment(context, station, takeSnapshot);
}

/**
 * Where nobody else is let into the tunnel, it has to stay empty meanwhile. A packet of the gateway itself (the last
 * segment of a connection that was closed before) may fall into the first window, a leak falls into each.
 */
async function sendClosed(
  context: VerifyContext,
  station: ProbeStation,
  first: Moment,
  alone: boolean,
  token: Token,
): Promise<{ readonly phase: CanaryPhase; readonly after: Moment }> {
  let before = first;
  for (let volleys = 1; ; volleys += 1) {
    const volley = await sendVolley(station, closedCanaries(context), token);
    const after = await takeMoment(context, station, takeCounts);
    const sent = phase(volley, before, after);
    if (!alone || volleys === MAX_CLOSED_VOLLEYS || !disturbed(sent)) return { phase: sent, after };
    before = after;
  }
}

/** @throws VERIFY_LEASE_REFUSED */
async function leaseProbe(context: VerifyContext, held: readonly string[]): Promise<void> {
  const { ifname } = context.plan.probe;
  const { leases } = await context.control.lease([...new Set([...held, ...openLinks(context)])]);
  if (!leases.some((lease) => lease.ifname === ifname)) throw VmgateError.of(errors.VERIFY_LEASE_REFUSED, { ifname });
}

/** What a verification opens for itself: the probe link, and the tunnel for the exit check's own connection. */
function openLinks({ plan, policy }: VerifyContext): readonly string[] {
  return [plan.probe.ifname, ...(policy.tunnel === undefined ? [] : [policy.tunnel.ifname])];
}
