/**
 * The complete verification. What depends on nothing runs at once; three things have an order: canaries while the probe
 * link is closed, then its lease, then everything that needs it.
 */

import { canaryCheck } from '../core/checks/canary.ts';
import { clockCheck } from '../core/checks/clock.ts';
import { dnsCheck } from '../core/checks/dns.ts';
import { type ExitFacts, exitCheck } from '../core/checks/exit.ts';
import { imageCheck } from '../core/checks/image.ts';
import { routesCheck } from '../core/checks/routes.ts';
import { rulesetCheck } from '../core/checks/ruleset.ts';
import { tunnelCheck } from '../core/checks/tunnel.ts';
import { uplinkCheck } from '../core/checks/uplink.ts';
import { VmgateError } from '../core/coded.ts';
import { bounded } from './bounded.ts';
import { closedCanaries, openCanaries, phase, sendVolley, type Volley } from './canary.ts';
import { errors } from './codes.ts';
import type { VerifyContext } from './context.ts';
import { askResolver } from './dns.ts';
import { askExit } from './exit.ts';
import { ARP_MS, DNS_MS } from './limits.ts';
import { type Moment, takeMoment } from './moment.ts';
import type { ProbeStation } from './probe/station.ts';
import { type Settled, settle } from './settle.ts';
import { routesFacts, tunnelFacts } from './shared-facts.ts';
import type { Token } from './token.ts';

export interface FullRun {
  readonly settled: readonly Settled[];
  /** Undefined when the exit could not be asked. */
  readonly exit: ExitFacts | undefined;
}

const MOMENT_MS = 8_000;
const VOLLEY_MS = 8_000;
const LEASE_MS = 3_000;
/** Together with `DNS_MS` below the life of the leases that are to go on meanwhile. */
const EXIT_MS = 7_000;

/** Ends with the probe link leased: the caller's next lease, or its closing order, decides what becomes of that. */
export async function runFull(
  context: VerifyContext,
  held: readonly string[],
  token: Token,
  signal: AbortSignal,
): Promise<FullRun> {
  const { clock, image, guard, policy } = context;
  const opening = bounded('reading the gateway', MOMENT_MS, signal, async () => {
    const station = await context.stand.open(ARP_MS);
    return { station, moment: await takeClosedMoment(context, station, held) };
  });
  const closed = opening.then(({ station, moment }) =>
    bounded('sending canaries from the closed probe link', VOLLEY_MS, signal, async () => {
      const volley = await sendVolley(station, closedCanaries(context), token);
      const after = await takeMoment(context, station);
      return { station, after, phase: phase(volley, moment, after) };
    }),
  );
  const leased = closed.then(({ station }) =>
    bounded('opening the probe link', LEASE_MS, signal, async () => {
      await leaseProbe(context, held);
      return station;
    }),
  );
  const dns = leased.then((station) =>
    bounded('asking the resolver inside the tunnel', DNS_MS + 2_000, signal, (stop) =>
      askResolver(context, station, token, DNS_MS, stop),
    ),
  );
  const exit = Promise.all([leased, dns]).then(([station, { answer }]) =>
    bounded('asking the exit server', EXIT_MS, signal, (stop) => askExit(context, station, answer !== undefined, stop)),
  );
  const volley = Promise.all([leased, dns]).then(([station]) =>
    bounded('sending canaries from the open probe link', VOLLEY_MS, signal, () =>
      sendVolley(station, openCanaries(context), token),
    ),
  );
  const last = Promise.all([leased, Promise.allSettled([exit, volley])]).then(([station]) =>
    bounded('reading the gateway again', MOMENT_MS, signal, async () => {
      await station.reach(ARP_MS);
      return takeMoment(context, station);
    }),
  );
  const canary = closed.then(async ({ phase: closedPhase, after }) => ({
    probe: context.plan.probe.ifname,
    closed: closedPhase,
    alone: held.length === 0,
    ...(await openPhase(volley, after, last)),
  }));
  const before = opening.then(({ moment }) => moment.snapshot);
  const date = exit
    .then(({ answer }) => (answer?.kind === 'response' ? answer.date : undefined))
    .catch(() => undefined);
  const judged = [
    settle(imageCheck, Promise.resolve(image), clock.monotonicMs),
    settle(
      rulesetCheck,
      before.then((snapshot) => ({ policy, snapshot, leased: held })),
      clock.monotonicMs,
    ),
    settle(
      routesCheck,
      before.then((snapshot) => routesFacts(context, snapshot)),
      clock.monotonicMs,
    ),
    settle(
      tunnelCheck,
      Promise.all([before, last]).then(([first, { snapshot }]) => tunnelFacts(context, first, snapshot)),
      clock.monotonicMs,
    ),
    settle(dnsCheck, dns, clock.monotonicMs),
    settle(exitCheck, exit, clock.monotonicMs),
    settle(canaryCheck, canary, clock.monotonicMs),
    settle(
      uplinkCheck,
      last.then(({ guard: counts, armed }) => ({ counts, armed })).catch(() => guard.sync()),
      clock.monotonicMs,
    ),
    settle(
      clockCheck,
      Promise.all([before, date]).then(([snapshot, header]) => ({ snapshot, date: header })),
      clock.monotonicMs,
    ),
  ];
  return { settled: await Promise.all(judged), exit: await exit.catch(() => undefined) };
}

/** A lease of an earlier run may still be alive on the probe link: then it is taken away first. */
async function takeClosedMoment(
  context: VerifyContext,
  station: ProbeStation,
  held: readonly string[],
): Promise<Moment> {
  const moment = await takeMoment(context, station);
  if (!moment.snapshot.facts.leases.some(({ ifname }) => ifname === context.plan.probe.ifname)) return moment;
  await context.control.lease(held);
  await station.reach(ARP_MS);
  return takeMoment(context, station);
}

/** @throws VERIFY_LEASE_REFUSED */
async function leaseProbe({ control, plan }: VerifyContext, held: readonly string[]): Promise<void> {
  const { ifname } = plan.probe;
  const { leases } = await control.lease([...held, ifname]);
  if (!leases.some((lease) => lease.ifname === ifname)) throw VmgateError.of(errors.VERIFY_LEASE_REFUSED, { ifname });
}

async function openPhase(volley: Promise<Volley>, before: Moment, last: Promise<Moment>) {
  try {
    return { open: phase(await volley, before, await last), openTrouble: '' };
  } catch (cause) {
    return { open: undefined, openTrouble: VmgateError.is(cause) ? `${cause.code}: ${cause.what}` : String(cause) };
  }
}
