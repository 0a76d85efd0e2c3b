/** Why there is no session: from openvpn's last words, which are also the network's, to what to do about it. */
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';

type More = { readonly evidence: readonly string[] };

/**
 * Words of OpenVPN 2.6 (src/openvpn/ssl_verify.c, ssl_verify_openssl.c, push.c, manage.c) and of OpenSSL's verifier. The
 * first rule that fits any line wins: what was refused comes before what followed from it.
 */
const RULES: readonly (readonly [RegExp, (line: string, endpoint: string, more: More) => VmgateError])[] = [
  [
    /AUTH: Received control message: AUTH_FAILED|^>PASSWORD:Verification Failed: 'Auth'/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_LOGIN_REFUSED, { endpoint }, more),
  ],
  [/^>PASSWORD:Need 'Auth'/, (_line, endpoint, more) => VmgateError.of(errors.VPN_LOGIN_REFUSED, { endpoint }, more)],
  [
    /VERIFY ERROR: depth=\d+, error=certificate has expired/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_EXPIRED, { endpoint }, more),
  ],
  [
    /VERIFY ERROR: depth=\d+, error=certificate is not yet valid/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_EARLY, { endpoint }, more),
  ],
  [
    /VERIFY (?:ERROR|X509NAME ERROR|KU ERROR|EKU ERROR|nsCertType ERROR|SCRIPT ERROR)|fingerprint|certificate verify failed/i,
    (line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_UNPROVED, { endpoint, why: reasonIn(line) }, more),
  ],
  [
    /alert (?:certificate expired|number 45)/i,
    (_line, endpoint, more) =>
      VmgateError.of(errors.VPN_CLIENT_REFUSED, { endpoint, why: 'it says the certificate expired' }, more),
  ],
  [
    /alert (?:unknown ca|bad certificate|certificate revoked|certificate unknown|handshake failure|access denied|decrypt error)/i,
    (line, endpoint, more) =>
      VmgateError.of(errors.VPN_CLIENT_REFUSED, { endpoint, why: `it says: ${alertIn(line)}` }, more),
  ],
  [
    /Options error|failed to negotiate cipher|OPTIONS ERROR/i,
    (line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_DISAGREES, { endpoint, why: reasonIn(line) }, more),
  ],
];

/** The error that openvpn's words mean; undefined where they say no more than that nobody answered. */
export function readFailure(log: string, endpoint: string): VmgateError | undefined {
  const lines = log.split('\n');
  for (const [pattern, made] of RULES) {
    const line = lines.find((each) => pattern.test(each));
    if (line !== undefined) return made(line, endpoint, { evidence: lines });
  }
  // A server that does not want this client's certificate says nothing more (TLS 1.3 judges it after the handshake).
  const proved = lines.some((line) => /VERIFY OK: depth=0/.test(line));
  if (!proved || !lines.some((line) => /TLS key negotiation failed/.test(line))) return undefined;
  const why = "it proved itself, and said nothing more once it had seen the client's";
  return VmgateError.of(errors.VPN_CLIENT_REFUSED, { endpoint, why }, { evidence: lines });
}

function reasonIn(line: string): string {
  return line.slice(0, 160);
}

function alertIn(line: string): string {
  return /alert ([a-z ]+)/i.exec(line)?.[1]?.trim().slice(0, 40) ?? 'no';
}
