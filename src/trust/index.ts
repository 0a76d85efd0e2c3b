/** The door of the trust room: this installation's key, signatures, receipts on disk, confirmed project folders. */
export { errors as trustErrors } from './codes.ts';
export { type InstallationKey, installationKey } from './installation-key.ts';
export {
  confirmedFolders,
  distrustProject,
  isTrusted,
  type ProjectFile,
  projectDigest,
  requireTrusted,
  trustProject,
} from './project.ts';
export {
  type CheckedReceipt,
  checkReceipt,
  loadReceipt,
  receiptPath,
  revokeReceipt,
  writeReceipt,
} from './receipt-file.ts';
export { type AllowedSigner, maySignFor, parseSigners, signerLine, TEMPLATE_NAMESPACE } from './signers.ts';
export { signWithKeygen } from './ssh-keygen.ts';
export { claimedSigner, type SignatureVerdict, verifyMessage } from './sshsig.ts';
export {
  judgeSignatures,
  MAX_SIGNATURES,
  refuseDowngrade,
  requirePlace,
  requireSigned,
  type Signer,
  signedText,
  type Taken,
  type TemplateClaim,
  type TrustPolicy,
} from './template-signature.ts';
