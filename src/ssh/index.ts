/** The door of the ssh room: keys and their formats. What is signed with them is the trust room's. */
export { type KeyPair, makeKeyPair } from './key-pair.ts';
export { decodePrivateKey, dropbearPrivateKey, type OpenedKey, openSshPrivateKey } from './private-key.ts';
export {
  ed25519Blob,
  ed25519Line,
  fingerprint,
  formatPublicLine,
  parsePublicBlob,
  parsePublicLine,
  type SshPublicKey,
} from './public-key.ts';
export { MalformedSsh, SshReader, sshString, u32 } from './wire.ts';
