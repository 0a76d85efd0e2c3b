/**
 * The protocols of openconnect(8) that vmgate takes, and what they differ in. Of those with `datagrams: false` openconnect
 * would carry packets by UDP too (ESP, DTLS with a hello of its own), in shapes that the guard does not know: TLS alone.
 */

export interface Protocol {
  /** As openconnect's `--protocol` has it. */
  readonly name: 'anyconnect' | 'gp' | 'fortinet';
  /** As people write it. */
  readonly label: string;
  readonly datagrams: boolean;
  /** Whether IPv6 inside was tried; without it none is asked for. */
  readonly ipv6: boolean;
  /** What may stand behind the server's name or in `usergroup`; undefined for any group. */
  readonly groups: readonly string[] | undefined;
  /** What stands there where a profile has nothing. */
  readonly group: string;
}

export const ANYCONNECT: Protocol = {
  name: 'anyconnect',
  label: 'AnyConnect',
  datagrams: true,
  ipv6: true,
  groups: undefined,
  group: '',
};

/**
 * A portal is asked for only where the profile says so: it sends its clients on to gateways of its choice, after it was told
 * the password, and a one-time code that it was told is spent.
 */
const GLOBAL_PROTECT: Protocol = {
  name: 'gp',
  label: 'GlobalProtect',
  datagrams: false,
  ipv6: false,
  groups: ['gateway', 'portal'],
  group: 'gateway',
};

const FORTINET: Protocol = {
  name: 'fortinet',
  label: 'Fortinet',
  datagrams: false,
  ipv6: false,
  groups: undefined,
  group: '',
};

const TAKEN = [ANYCONNECT, GLOBAL_PROTECT, FORTINET];

/** Undefined for one that vmgate does not take. */
export function protocolNamed(name: string): Protocol | undefined {
  return TAKEN.find((each) => each.name === name);
}

export const PROTOCOL_NAMES = TAKEN.map(({ name }) => name).join(', ');

/** What openconnect speaks besides (9.12). */
export const UNTRIED: readonly string[] = ['nc', 'pulse', 'f5', 'array'];
