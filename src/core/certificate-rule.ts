/** What must be proved of a VPN server that shows a certificate, and whether a chain proves it. */

export interface CertificateRule {
  /** SHA-256 of authorities the chain may end with, lower-case hexadecimal; empty: any, where `pinned` decides. */
  readonly authorities: readonly string[];
  /** SHA-256 of certificates that are the server's own; empty: any. */
  readonly pinned: readonly string[];
  /** `pin-sha256:` of keys that are the server's own, for a kind that knows those alone; none: any. */
  readonly keys?: readonly string[];
}

/** Why a chain (SHA-256 of each, the server's own first) does not prove the server; undefined when it does. */
export function breaksCertificateRule(
  { authorities, pinned }: CertificateRule,
  chain: readonly string[],
): string | undefined {
  const [own, last] = [chain[0], chain.at(-1)];
  if (own === undefined || last === undefined) return 'it showed no certificate';
  if (authorities.length === 0 && pinned.length === 0) return 'the profile names nobody who could vouch for it';
  if (pinned.length > 0 && !pinned.includes(own)) return 'its certificate is not the pinned one';
  return authorities.length > 0 && !authorities.includes(last)
    ? 'its certificate is not by an authority of the profile'
    : undefined;
}
