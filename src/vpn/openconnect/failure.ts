/** Why there is no session: from openconnect's last words, which are also the network's, to what to do about it. */
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';

type More = { readonly evidence: readonly string[] };

/**
 * Words of OpenConnect 9.12 (gnutls.c, auth.c, main.c, http.c) and of GnuTLS. The first rule that fits any line wins: what
 * was refused comes before what followed from it.
 */
const RULES: readonly (readonly [RegExp, (line: string, endpoint: string, more: More) => VmgateError])[] = [
  [
    /^None of the \d+ fingerprint\(s\) specified via --servercert match/,
    (line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_UNPROVED, { endpoint, why: line.slice(0, 160) }, more),
  ],
  [
    /^Reason: certificate expired/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_EXPIRED, { endpoint }, more),
  ],
  [
    /^Reason: certificate not yet activated/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_EARLY, { endpoint }, more),
  ],
  [
    /^Reason: |^SSL connection failure: Error in the certificate/,
    (line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_UNPROVED, { endpoint, why: line.slice(0, 160) }, more),
  ],
  [
    /csd-wrapper|asked us to run CSD|tncc-wrapper|CSD hostscan|Trojan/i,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_OC_HOST_CHECK, { endpoint }, more),
  ],
  [
    /^Login failed|401 Authentication failed|Invalid username or password/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_LOGIN_REFUSED, { endpoint }, more),
  ],
  [
    /401 No certificate|certificate (?:is )?required|unknown CA|certificate unknown|bad certificate/i,
    (line, endpoint, more) => VmgateError.of(errors.VPN_CLIENT_REFUSED, { endpoint, why: line.slice(0, 160) }, more),
  ],
  [
    /inappropriate HTTP CONNECT response|Cookie was rejected|handshake failed|fatal alert|No common|unsupported version|disallowed/i,
    (line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_DISAGREES, { endpoint, why: line.slice(0, 160) }, more),
  ],
];

/** The error that openconnect's words mean; undefined where they say no more than that nobody answered. */
export function readFailure(log: string, endpoint: string): VmgateError | undefined {
  const lines = log.split('\n');
  const more = { evidence: lines.slice(-12) };
  for (const [pattern, made] of RULES) {
    const line = lines.find((each) => pattern.test(each));
    if (line !== undefined) return made(line, endpoint, more);
  }
  // A server that does not want this client's certificate says nothing more (TLS 1.3 judges it after the handshake).
  const broken = lines.find((line) => /^Failed to (?:read from|write to) TLS\/DTLS socket/.test(line));
  if (broken !== undefined && lines.some((line) => line.startsWith('Using client certificate'))) {
    return VmgateError.of(errors.VPN_CLIENT_REFUSED, { endpoint, why: broken.slice(0, 160) }, more);
  }
  if (!lines.some((line) => /^User input required in non-interactive mode|^fgets \(stdin\)/.test(line)))
    return undefined;
  const prompt = lines.findLast((line) => line.startsWith('Please ')) ?? 'an answer';
  return VmgateError.of(errors.VPN_OC_ASKS_MORE, { endpoint, prompt: prompt.slice(0, 160) }, more);
}
