/**
 * What must hold of a gate whatever happens, as one list: the walk of every state and the world of random faults check
 * the same sentences, and each injected defect says which of them it breaks.
 */
export const PROMISES = {
  proven: 'no lease, no work VM process and no raised link without complete, fresh verdicts of this generation',
  defined: 'no lease, CPU or link for a work VM whose own hypervisor was not asked in this generation, or refuted it',
  leased: 'a link goes up after its lease, never before',
  armed:
    'the guard is armed only while the gate asks for an address, connects, verifies, is open or lets somebody sign in, for a policy loaded in this generation',
  obeyed: 'an order to arm is one that the guard obeys: of a newer generation than its policy',
  order: 'every close: guard, receipt, leases, links, connection tracking; the gateway dies where one of them failed',
  receipt: 'a receipt exists only while the gate is open, and no heartbeat keeps the gate open past its time',
  shaken:
    'what was verified before a sleep, a jump of a clock or a change of network opens nothing and keeps nothing open',
  rechecked: 'a full verification that is due, or that somebody asks for, is the next one',
  loss: 'a work VM that is to stand still or to stop when the gate closes does so, once its wire is down',
  shut: 'nothing is admitted, leased or raised unless the gate is open',
  stale: 'an answer of an older generation opens nothing',
  looks: 'a portal is looked for only while no tunnel is there or tried',
  asked: 'nobody is let through to a portal who did not ask',
  switched: 'another VPN profile is used by a fresh gateway only, once the one before is gone',
  violated: 'only a person ends `violated`, and with a fresh gateway',
  leftovers: 'the supervisor ends after its gateway and every work VM process',
  answered: 'every request is answered once',
  alive: 'there is a way back to `closed` and to `down` from everywhere, and no state waits for nothing',
} as const;
export type Promised = keyof typeof PROMISES;

/** Thrown by the world of random faults, which ends with the first. */
export class Broken extends Error {
  readonly promise: Promised;

  constructor(promise: Promised, how: string) {
    super(`${promise}: ${how}`);
    this.promise = promise;
  }
}

/** Told of each promise that was found broken, and how. */
export type OnBroken = (promise: Promised, how: string) => void;
