/** Why there is no session: from openconnect's last words, which are also the network's, to what to do about it. */
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';

type More = { readonly evidence: readonly string[] };

/**
 * Words of OpenConnect 9.01 and 9.12 (gnutls.c, auth.c, main.c, http.c, auth-globalprotect.c, gpst.c, fortinet.c, ppp.c) and
 * of GnuTLS. The first rule that fits any line wins: what was refused comes before what followed from it.
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
    /csd-wrapper|asked us to run CSD|tncc-wrapper|CSD hostscan|Trojan|asked us to submit HIP report/i,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_OC_HOST_CHECK, { endpoint }, more),
  ],
  [
    /^SAML \w+ authentication is required|^No SSO handler/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_OC_BROWSER, { endpoint }, more),
  ],
  [
    // 512 is a GlobalProtect server's own.
    /^Login failed|401 Authentication failed|Invalid username or password|^Unexpected 512 result/,
    (_line, endpoint, more) => VmgateError.of(errors.VPN_LOGIN_REFUSED, { endpoint }, more),
  ],
  [
    /401 No certificate|certificate (?:is )?required|^Unexpected 513 result|unknown CA|certificate unknown|bad certificate/i,
    (line, endpoint, more) => VmgateError.of(errors.VPN_CLIENT_REFUSED, { endpoint, why: line.slice(0, 160) }, more),
  ],
  [
    /inappropriate HTTP CONNECT response|^Cannot follow redirection|Got unexpected HTTP response|Cookie was rejected|^Invalid authentication cookie|^Portal name not found|rejecting request for connection options|^Failed to parse (?:[\w-]+ )?server response|handshake failed|fatal alert|No common|unsupported version|disallowed/i,
    (line, endpoint, more) => VmgateError.of(errors.VPN_SERVER_DISAGREES, { endpoint, why: line.slice(0, 160) }, more),
  ],
];

/** The error that openconnect's words mean; undefined where they say no more than that nobody answered. */
export function readFailure(log: string, endpoint: string): VmgateError | undefined {
  const lines = log.split('\n');
  const more = { evidence: lines.slice(-12) };
  const where = elsewhere(lines);
  if (where !== undefined) return VmgateError.of(errors.VPN_OC_ELSEWHERE, { endpoint, where }, more);
  for (const [pattern, made] of RULES) {
    const line = lines.find((each) => pattern.test(each));
    if (line !== undefined) return made(line, endpoint, more);
  }
  // A server that does not want this client's certificate says nothing more (TLS 1.3 judges it after the handshake).
  const broken = lines.find((line) => /^Failed to (?:read from|write to) TLS\/DTLS socket/.test(line));
  if (broken !== undefined && lines.some((line) => line.startsWith('Using client certificate'))) {
    return VmgateError.of(errors.VPN_CLIENT_REFUSED, { endpoint, why: broken.slice(0, 160) }, more);
  }
  const lacks = lackedGlobalProtect(lines);
  if (lacks !== undefined) {
    const why = `it says that it has no GlobalProtect ${lacks}`;
    return VmgateError.of(errors.VPN_SERVER_DISAGREES, { endpoint, why }, more);
  }
  if (isFortinetRefusal(lines)) return VmgateError.of(errors.VPN_LOGIN_REFUSED, { endpoint }, more);
  const end = log.search(NO_ANSWER);
  if (end === -1) return undefined;
  const prompt = promptOf(log.slice(0, end).split('\n'));
  return VmgateError.of(errors.VPN_OC_ASKS_MORE, { endpoint, prompt: prompt.slice(0, 160) }, more);
}

/** Where another than the first server is asked for something: by a redirect, or by the gateways that a portal names. */
function elsewhere(lines: readonly string[]): string | undefined {
  const places = lines.flatMap((line) => {
    const place = /^(?:GET|POST) https:\/\/([A-Za-z0-9.-]{1,253}(?::\d{1,5})?)\//.exec(line)?.[1];
    return place === undefined ? [] : [place.toLowerCase()];
  });
  return places.find((place) => place !== places[0]);
}

/** The client keeps the server's word for it to itself (PRG_DEBUG): it asks, hears something, and ends. */
function lackedGlobalProtect(lines: readonly string[]): string | undefined {
  const said = lines.filter((line) => line !== '');
  if (said.at(-1) !== 'Failed to complete authentication') return undefined;
  if (said.at(-2)?.startsWith('Connected to HTTPS on ') !== true) return undefined;
  const asked = said.findLast((line) => line.startsWith('POST https://')) ?? '';
  const [, what] = /\/(ssl-vpn|global-protect)\/prelogin\.esp\?/.exec(asked) ?? [];
  return what === undefined ? undefined : what === 'ssl-vpn' ? 'gateway' : 'portal';
}

/** It says 405, or nothing and asks again for what it was told. */
function isFortinetRefusal(lines: readonly string[]): boolean {
  const sent = lines.findLastIndex((line) => /^POST https:\/\/\S+\/remote\/logincheck$/.test(line));
  if (sent === -1) return false;
  const answer = lines.slice(sent);
  if (answer.some((line) => line.startsWith('Unexpected 405 result'))) return true;
  const toldCode = answer.some((line) => line.includes('fgets (stdin)'));
  return answer.some((line) => line.startsWith('Password:') || (toldCode && /^(?:Code|credential):/.test(line)));
}

/** Nothing is left on stdin: without a code, with one. Behind the client's own label, perhaps in the same line. */
const NO_ANSWER = /User input required in non-interactive mode|fgets \(stdin\)/;
const CLIENTS_OWN = /^(?:(?:GET|POST) https:|Connected to|SSL negotiation|Got |Unexpected )/;

/** The client's label, and what the server words above it. */
function promptOf(lines: readonly string[]): string {
  const said = lines.map((line) => line.replace(/\*\*\*$/, '').trim()).filter((line) => line !== '');
  const label = said.at(-1) ?? 'an answer';
  const above = said.at(-2) ?? '';
  return above === '' || CLIENTS_OWN.test(above) ? label : `${above} ${label}`;
}
