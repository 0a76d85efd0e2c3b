/**
 * Signatures on templates: SSHSIG over one line, the digest of the template's manifest, which stands for every byte of it.
 * Judged here from bytes that were read before, with no network and by nothing that came with the template.
 */
import { VmgateError } from '../core/coded.ts';
import { fingerprint, formatPublicLine, type SshPublicKey } from '../ssh/index.ts';
import { errors } from './codes.ts';
import { type AllowedSigner, maySignFor, TEMPLATE_NAMESPACE } from './signers.ts';
import { claimedSigner, verifyMessage } from './sshsig.ts';

export interface TemplateClaim {
  /** `registry.example.com/team/dev`. */
  readonly repository: string;
  /** `sha256:<64 hex>` of the manifest. */
  readonly digest: string;
  /** What was signed, for the words of an error; unsaid: a template. */
  readonly sort?: 'image' | 'template';
}

/** Whose word counts: lines of `vmgate.trust`, and one key that a person was told of, by its fingerprint. */
export interface TrustPolicy {
  readonly signers: readonly AllowedSigner[];
  /** `SHA256:...` as `ssh-keygen -l` prints it. */
  readonly expected?: string;
}

export interface Signer {
  readonly fingerprint: string;
  /** `ssh-ed25519 AAAA... SHA256:...`. */
  readonly publicLine: string;
  /** True: by a line of `vmgate.trust`; false: only by the fingerprint that was given. */
  readonly isKnown: boolean;
  readonly armored: string;
}

export type SignatureJudgement =
  | { readonly ok: true; readonly signer: Signer }
  | { readonly ok: false; readonly why: 'unsigned' }
  /** None is by whoever it says over this digest; what is wrong with each. */
  | { readonly ok: false; readonly why: 'bad'; readonly details: readonly string[] }
  /** Good ones, by keys whose word does not count for this repository. */
  | { readonly ok: false; readonly why: 'not allowed'; readonly strangers: readonly Signer[] };

/** More than a team has; whoever may write to the repository may add as many as they like. */
export const MAX_SIGNATURES = 64;

/** What is signed, to the byte: `echo DIGEST` for stock `ssh-keygen -Y verify`. */
export function signedText(digest: string): string {
  return `${digest}\n`;
}

/**
 * One good signature by one allowed key is enough, however many others there are: anybody who may write to the repository
 * can add garbage. Never throws.
 */
export function judgeSignatures(
  { repository, digest }: TemplateClaim,
  signatures: readonly string[],
  { signers, expected }: TrustPolicy,
): SignatureJudgement {
  const details: string[] = [];
  const strangers: Signer[] = [];
  for (const armored of signatures.slice(0, MAX_SIGNATURES)) {
    const claimed = claimedSigner(armored);
    const expectation = { namespace: TEMPLATE_NAMESPACE, signers: claimed === undefined ? [] : [claimed.blob] };
    const verdict = verifyMessage(signedText(digest), armored, expectation);
    if (!verdict.ok || claimed === undefined) {
      details.push(verdict.ok ? 'it names no key' : verdict.detail);
      continue;
    }
    const isKnown = signers.some((each) => each.blob.equals(claimed.blob) && maySignFor(each, repository));
    const signer = signerOf(claimed, armored, isKnown);
    if (isKnown || signer.fingerprint === expected) return { ok: true, signer };
    strangers.push(signer);
  }
  if (strangers.length > 0) return { ok: false, why: 'not allowed', strangers };
  return details.length > 0 ? { ok: false, why: 'bad', details } : { ok: false, why: 'unsigned' };
}

function signerOf(key: SshPublicKey, armored: string, isKnown: boolean): Signer {
  const print = fingerprint(key.blob);
  return { fingerprint: print, publicLine: formatPublicLine(key, print), isKnown, armored };
}

/**
 * {@link judgeSignatures}, for those who go no further without a good one.
 *
 * @throws TRUST_TEMPLATE_UNSIGNED, TRUST_TEMPLATE_SIGNATURE_BAD, TRUST_SIGNER_NOT_ALLOWED
 */
export function requireSigned(claim: TemplateClaim, signatures: readonly string[], policy: TrustPolicy): Signer {
  const judged = judgeSignatures(claim, signatures, policy);
  if (judged.ok) return judged.signer;
  const reference = `${claim.repository}@${claim.digest}`;
  const sort = claim.sort === undefined ? {} : { sort: claim.sort };
  if (judged.why === 'unsigned') throw VmgateError.of(errors.TRUST_TEMPLATE_UNSIGNED, { reference });
  if (judged.why === 'bad') {
    const evidence = judged.details;
    throw VmgateError.of(errors.TRUST_TEMPLATE_SIGNATURE_BAD, { reference, count: evidence.length }, { evidence });
  }
  const known = (print: string) => policy.signers.find((each) => each.fingerprint === print)?.repositories.join(', ');
  const evidence = judged.strangers.map(({ fingerprint: print }) => {
    const repositories = known(print);
    return `${print} ${repositories === undefined ? 'is in no line of vmgate.trust' : `may sign for ${repositories} only`}`;
  });
  const [first] = judged.strangers;
  const payload = { reference, signer: first?.fingerprint ?? '', ...sort };
  throw VmgateError.of(errors.TRUST_SIGNER_NOT_ALLOWED, payload, { evidence });
}

/**
 * A rightly signed template at a place it was not made for: another repository with other readers, or an old version under
 * a new tag.
 *
 * @throws TRUST_OTHER_PLACE
 */
export function requirePlace(
  asked: { readonly repository: string; readonly tag: string | undefined },
  signed: { readonly repository: string; readonly tag: string },
): void {
  const isSame = asked.repository === signed.repository && (asked.tag === undefined || asked.tag === signed.tag);
  if (isSame) return;
  const reference = `${asked.repository}${asked.tag === undefined ? '' : `:${asked.tag}`}`;
  const signedFor = `${signed.repository}:${signed.tag}`.slice(0, 400);
  throw VmgateError.of(errors.TRUST_OTHER_PLACE, { reference, signedFor });
}

/** What is known of a version that was taken before. */
export interface Taken {
  readonly digest: string;
  /** When it was made, as its manifest says it: under the signature, like all of the manifest. ISO 8601. */
  readonly created: string;
}

/**
 * An old version, rightly signed, is how somebody brings a hole back that was closed: what is older than what was taken
 * already is not taken.
 *
 * @throws TRUST_TEMPLATE_DOWNGRADE
 */
export function refuseDowngrade(repository: string, offered: Taken, taken: Taken): void {
  if (offered.digest === taken.digest || Date.parse(offered.created) >= Date.parse(taken.created)) return;
  throw VmgateError.of(errors.TRUST_TEMPLATE_DOWNGRADE, {
    repository,
    offered: offered.created,
    offeredDigest: offered.digest,
    taken: taken.created,
  });
}
