/** Why there is no session: from charon's last words, which are also the network's, to what to do about it. */
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';

type More = { readonly evidence: readonly string[] };

/**
 * Words of strongSwan 6.0 (src/libcharon/sa/ikev2, src/libstrongswan/credentials). The first rule that fits any line wins:
 * what was refused comes before what followed from it.
 */
const RULES: readonly (readonly [
  RegExp,
  (line: string, endpoint: string, more: More, nowMs: number) => VmgateError,
])[] = [
  [
    /certificate invalid \(valid from .* to .*\)|certificate (?:has )?expired/i,
    (line, endpoint, more, nowMs) =>
      isEarly(line, nowMs)
        ? VmgateError.of(errors.VPN_SERVER_EARLY, { endpoint }, more)
        : VmgateError.of(errors.VPN_SERVER_EXPIRED, { endpoint }, more),
  ],
  [
    /EAP[_-]MS-?CHAPV2.*(?:failed|error)|received EAP_FAILURE|EAP method .* failed/i,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_LOGIN_REFUSED, { endpoint }, more),
  ],
  [
    /MAC mismatched|no shared key found/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_PSK_REFUSED, { endpoint }, more),
  ],
  [
    /no trusted .*public key found|no issuer certificate found|constraint check failed|signature validation failed|received end entity cert .* not|peer .* doesn't match|IDir '.*' does not match|does not match to/i,
    (line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_UNPROVED, { endpoint, why: line.slice(0, 160) }, more),
  ],
  [
    /received (?:NO_PROPOSAL_CHOSEN|TS_UNACCEPTABLE|INVALID_SYNTAX|INTERNAL_ADDRESS_FAILURE|FAILED_CP_REQUIRED|INVALID_KE_PAYLOAD) notify/,
    (line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_DISAGREES, { endpoint, why: line.slice(0, 160) }, more),
  ],
];

/**
 * The error that charon's words mean; undefined where they say no more than that nobody answered. A server that refuses a
 * client says AUTHENTICATION_FAILED whatever the reason is, so that one goes by what the profile has.
 *
 * @param auth how the profile logs in
 */
export function readFailure(
  log: string,
  endpoint: string,
  auth: 'key' | 'login' | 'certificate',
  nowMs: number,
): VmgateError | undefined {
  const lines = log.split('\n');
  const more = { evidence: lines.slice(-12) };
  for (const [pattern, made] of RULES) {
    const line = lines.find((each) => pattern.test(each));
    if (line !== undefined) return made(line, endpoint, more, nowMs);
  }
  if (!lines.some((line) => /received AUTHENTICATION_FAILED notify/.test(line))) return undefined;
  switch (auth) {
    case 'key':
      return VmgateError.of(errors.VPN_PSK_REFUSED, { endpoint }, more);
    case 'login':
      return VmgateError.of(errors.VPN_LOGIN_REFUSED, { endpoint }, more);
    case 'certificate':
      return VmgateError.of(errors.VPN_CLIENT_REFUSED, { endpoint, why: 'it says AUTHENTICATION_FAILED' }, more);
  }
}

/** Of `valid from Jan 01 00:00:00 2048 to ..` whether the first is the one that the line was written for. */
function isEarly(line: string, nowMs: number): boolean {
  const from = /valid from (.*?) to /.exec(line)?.[1];
  return from !== undefined && Date.parse(`${from} UTC`) > nowMs;
}
