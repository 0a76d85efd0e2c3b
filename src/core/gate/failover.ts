/**
 * Several VPN profiles, tried in the order of the configuration. One that was open and is lost gets one more attempt; then
 * the next has its turn, by a fresh gateway: what the old one's kernel held (tunnel, connection tracking, names, packets
 * that waited) is gone with it, so that nothing sent for one profile leaves by another.
 */
import { close, type Step } from './closing.ts';
import { type GateState, NO_PROFILES, type Profiles } from './state.ts';

/** What was read again: another list begins with its first. */
export function profilesRead(before: Profiles, names: readonly string[]): Profiles {
  const isSame = names.length === before.names.length && names.every((name, index) => name === before.names[index]);
  return isSame ? before : { ...NO_PROFILES, names };
}

/** The profile in use gave no tunnel. */
export function noteMissed(state: GateState): GateState {
  const { profiles } = state;
  if (profiles.names.length < 2) return state;
  return { ...state, profiles: { ...profiles, missed: Math.min(profiles.names.length, profiles.missed + 1) } };
}

/** Whatever failed before is no reason any more to give the profile in use up. */
export function forgetMissed(state: GateState): GateState {
  return { ...state, profiles: { ...state.profiles, missed: 0 } };
}

/** A person asks for the gate, or for another configuration: in order again. */
export function fromTheFirst(state: GateState): GateState {
  return { ...state, profiles: { ...NO_PROFILES, names: state.profiles.names } };
}

/** The one in use failed, and another has not been tried yet. */
export function hasUntried({ profiles, wanted, gatewayAlive }: GateState): boolean {
  return wanted && gatewayAlive && profiles.missed > 0 && profiles.missed < profiles.names.length;
}

/** All were tried in vain: time for another round. */
export function isRoundOver({ profiles }: GateState): boolean {
  return profiles.names.length > 1 && profiles.missed === profiles.names.length;
}

/** The closing order once more, the end of the gateway, and a fresh one for the next profile. */
export function tryNext(state: GateState): Step {
  const { profiles, reason } = state;
  const at = (profiles.at + 1) % profiles.names.length;
  return close({ ...state, retries: 0, profiles: { ...profiles, at, because: reason } }, 'booting', reason);
}
