/**
 * What a kind of VPN is to the rest of this room. Another kind is a folder beside `wireguard/` with one of these, named
 * in kinds.ts; what it needs further out (image layer, wire shape, server in the lab) is told in docs/architecture.md.
 */
import type { CodedEvent } from '../core/coded.ts';
import type { errors } from './codes.ts';
import type { TunnelPlan, TunnelSecrets } from './tunnel-plan.ts';

/** What a server asks a person for. The password is secret. */
export interface ProfileLogin {
  readonly user: string;
  readonly password: string;
}

export interface ProfileOptions {
  /** The user said `--split`: what is not routed into the tunnel is dropped, and that is meant. */
  readonly split: boolean;
  /** From `--dns`, replacing the profile's DNS addresses; empty: the profile's. IPv4. */
  readonly dns: readonly string[];
  /** For profiles whose server asks for one; kept beside the profile, 0600. */
  readonly login?: ProfileLogin | undefined;
}

export interface PlannedProfile {
  readonly plan: TunnelPlan;
  readonly secrets: TunnelSecrets;
  /** Who the provider knows us as, in one gate at a time: this side's public key, base64, or the name of a login. */
  readonly publicKey: string;
  readonly notices: readonly CodedEvent[];
}

/** Addresses and search domains together; also for `--dns`. */
export const MAX_DNS = 8;

/** A file beside the profile, by name; undefined for one that is not there. */
export type Companions = (name: string) => string | undefined;

/** What understands the profiles of one kind. */
export interface ProfileReader {
  /**
   * Names of files beside the profile that it needs; they are stored with it.
   *
   * @throws VPN_PROFILE_TOO_LARGE, VPN_PROFILE_NOT_TEXT, and the kind's codes for what is not its format
   */
  readonly companions: (profile: Uint8Array, file: string) => readonly string[];
  /**
   * Reads and judges a profile. `file` is the name errors say.
   *
   * @throws VmgateError with a `VPN_*` code; nothing else, whatever the bytes are.
   */
  readonly plan: (profile: Uint8Array, file: string, options: ProfileOptions, companions: Companions) => PlannedProfile;
}

export interface VpnKind {
  /** What a profile is refused with whose server wants a login that was not given; undefined: such profiles have none. */
  readonly loginMissing: keyof typeof errors | undefined;
  /** As people write it. */
  readonly label: string;
  /** Whether one line of a profile, trimmed, is of this kind and could not be of another. */
  readonly recognises: (line: string) => boolean;
  /** Loaded for a profile of this kind alone: parsers are most of this room, and a gate has one. */
  readonly reader: () => Promise<ProfileReader>;
}
