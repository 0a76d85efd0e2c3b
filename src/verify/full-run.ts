/** The complete verification: its stages' facts, brought before the judges. */
import { type CanaryFacts, canaryCheck } from '../core/checks/canary.ts';
import type { Check } from '../core/checks/check.ts';
import { type ClockFacts, clockCheck } from '../core/checks/clock.ts';
import { dnsCheck } from '../core/checks/dns.ts';
import { type ExitFacts, exitCheck } from '../core/checks/exit.ts';
import { imageCheck } from '../core/checks/image.ts';
import { routesCheck } from '../core/checks/routes.ts';
import { rulesetCheck } from '../core/checks/ruleset.ts';
import { sharpest } from '../core/checks/snapshot.ts';
import { tunnelCheck } from '../core/checks/tunnel.ts';
import { uplinkCheck } from '../core/checks/uplink.ts';
import { VmgateError } from '../core/coded.ts';
import { isOverTcp } from '../core/policy/index.ts';
import type { Verdict } from '../core/verdict.ts';
import { phase } from './canary.ts';
import type { VerifyContext } from './context.ts';
import { beginFull, type FullStages } from './full-stages.ts';
import { settle } from './settle.ts';
import { routesFacts, tunnelFacts } from './shared-facts.ts';
import type { Token } from './token.ts';

export interface FullRun {
  readonly verdicts: readonly Verdict[];
  /** Undefined when the exit could not be asked. */
  readonly exit: ExitFacts | undefined;
}

/** Ends with the probe link leased: the caller's next lease, or its closing order, decides what becomes of that. */
export async function runFull(
  context: VerifyContext,
  held: readonly string[],
  token: Token,
  signal: AbortSignal,
): Promise<FullRun> {
  const { clock, guard, image, policy } = context;
  const stages = beginFull(context, held, token, signal);
  const { before, closed, dns, exit, last } = stages;
  const first = before.then(({ snapshot }) => snapshot);
  const ruleset = first.then((snapshot) => ({ policy, snapshot, leased: held }));
  const routes = first.then((snapshot) => routesFacts(context, snapshot));
  const tunnel = Promise.all([first, last]).then(([early, late]) => tunnelFacts(context, early, late.snapshot));
  const uplink = Promise.allSettled([last, exit]).then(() => guard.sync());
  const later = [closed.then(({ after }) => after), last].map((moment) => moment.catch(() => undefined));
  const time = Promise.all([first, Promise.all(later), dateOf(exit)]).then(([early, moments, date]) => ({
    snapshot: sharpest([early, ...moments.flatMap((moment) => (moment === undefined ? [] : [moment.snapshot]))]),
    date,
  }));
  const say = <F>(check: Check<F>, facts: Promise<F>) => settle(check, facts, clock.monotonicMs);
  const verdicts = await Promise.all([
    say(imageCheck, Promise.resolve(image)),
    say(rulesetCheck, ruleset),
    say(routesCheck, routes),
    say(tunnelCheck, tunnel),
    say(dnsCheck, dns),
    say(exitCheck, exit),
    say(canaryCheck, canaryFacts(context, held.length === 0, stages)),
    say(uplinkCheck, uplink),
    say(clockCheck, time),
  ]);
  return { verdicts, exit: await exit.catch(() => undefined) };
}

async function dateOf(exit: Promise<ExitFacts>): Promise<ClockFacts['date']> {
  const asked = await exit.catch(() => undefined);
  return asked?.answer?.kind === 'response' ? asked.answer.date : undefined;
}

/** What the closed canaries showed is judged even when the open ones could not be sent. */
async function canaryFacts({ plan, policy }: VerifyContext, alone: boolean, stages: FullStages): Promise<CanaryFacts> {
  const closed = await stages.closed;
  const isStream = isOverTcp(policy);
  const facts = { probe: plan.probe.ifname, alone, isStream, closed: closed.phase };
  try {
    const [volley, last] = await Promise.all([stages.volley, stages.last]);
    return { ...facts, open: phase(volley, closed.after, last), openTrouble: '' };
  } catch (cause) {
    const openTrouble = VmgateError.is(cause) ? `${cause.code}: ${cause.what}` : String(cause);
    return { ...facts, open: undefined, openTrouble };
  }
}
