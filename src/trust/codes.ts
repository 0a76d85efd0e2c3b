/** Error codes of the trust room: the installation's key, receipts, confirmed project folders. */
import { error, errorCodes } from '../core/coded.ts';

const trust = { exit: 6, source: 'user' } as const;
const refused = { exit: 4, source: 'user' } as const;
const fresh = () => 'vmgate verify   (makes a new receipt while the gate is open)';

export const errors = errorCodes({
  TRUST_KEY_DAMAGED: error<{ file: string; reason: string }>({
    ...trust,
    what: ({ file, reason }) => `the key of this installation, ${file}, cannot be used: ${reason}`,
    remedy: ({ file }) => `move ${file} away; vmgate makes a new one, and receipts of the old one no longer check`,
    sample: { file: '~/.vmgate/keys/installation', reason: 'it is not an OpenSSH private key' },
  }),
  TRUST_KEY_EXPOSED: error<{ file: string; mode: string }>({
    ...trust,
    what: ({ file, mode }) => `${file} has mode ${mode}: other users of this machine may have read the signing key`,
    remedy: ({ file }) => `move ${file} away; vmgate makes a new one, and receipts of the old one no longer check`,
    sample: { file: '~/.vmgate/keys/installation', mode: '0644' },
  }),
  TRUST_PROJECT_UNCONFIRMED: error<{ folder: string; files: readonly string[]; changed: boolean }>({
    ...trust,
    what: ({ folder, files, changed }) => {
      const [was, it] = files.length === 1 ? ['was', 'it'] : ['were', 'them'];
      return `${files.join(' and ')} in ${folder} ${changed ? `changed since you confirmed ${it}` : `${was} never confirmed by you`}`;
    },
    remedy: ({ files }) => `read ${files.length === 1 ? 'it' : 'them'}, then: vmgate trust`,
    sample: { folder: '/home/ann/acme', files: ['vmgate.yaml'], changed: false },
  }),
  TRUST_RECORD_DAMAGED: error<{ file: string }>({
    ...trust,
    what: ({ file }) => `${file}, the record of confirmed project folders, is not what vmgate wrote`,
    remedy: ({ file }) => `remove ${file}, then confirm your project folders again with: vmgate trust`,
    sample: { file: '~/.vmgate/trusted.json' },
  }),
  TRUST_SIGNERS_INVALID: error<{ file: string; line: number; why: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, line, why }) => `${file}:${line}: ${why}`,
    remedy: () => 'write a line as vmgate template push prints it: REPOSITORY namespaces="vmgate-template" KEY',
    sample: { file: 'vmgate.trust', line: 3, why: 'what follows the repositories is not namespaces="vmgate-template"' },
  }),
  TRUST_TEMPLATE_UNSIGNED: error<{ reference: string }>({
    ...trust,
    what: ({ reference }) => `${reference} is not signed by anybody`,
    remedy: ({ reference }) => `ask whoever pushed it to sign it: vmgate template sign ${reference} KEY`,
    sample: { reference: `registry.example.com/team/dev@sha256:${'3f'.repeat(32)}` },
  }),
  TRUST_TEMPLATE_SIGNATURE_BAD: error<{ reference: string; count: number }>({
    ...trust,
    what: ({ reference, count }) =>
      `${count === 1 ? 'the signature' : `none of the ${count} signatures`} of ${reference} is ${count === 1 ? 'not ' : ''}good`,
    remedy: () => 'do not use it: somebody changed the template or its signature; tell who signs for the team',
    sample: { reference: `registry.example.com/team/dev@sha256:${'3f'.repeat(32)}`, count: 1 },
  }),
  TRUST_SIGNER_NOT_ALLOWED: error<{ reference: string; signer: string; sort?: 'image' | 'template' }>({
    ...trust,
    what: ({ reference, signer }) => `${reference} is signed by ${signer}, whose word does not count for it`,
    remedy: ({ reference, signer, sort = 'template' }) =>
      `ask that person, on another way, whether it is their key; if so: vmgate ${sort} pull ${reference} --signer ${signer}`,
    sample: { reference: `registry.example.com/team/dev@sha256:${'3f'.repeat(32)}`, signer: 'SHA256:abc' },
  }),
  TRUST_TEMPLATE_DOWNGRADE: error<{ repository: string; offered: string; offeredDigest: string; taken: string }>({
    ...trust,
    what: ({ repository, offered, offeredDigest, taken }) =>
      `${repository} went back: ${offeredDigest} was made at ${offered}, and you had one of ${taken}`,
    remedy: () => 'ask whoever signs for the team; if going back is meant, remove its entry from vmgate.lock first',
    sample: {
      repository: 'registry.example.com/team/dev',
      offered: '2026-01-02T00:00:00Z',
      offeredDigest: `sha256:${'a0'.repeat(32)}`,
      taken: '2026-03-04T00:00:00Z',
    },
  }),
  TRUST_OTHER_PLACE: error<{ reference: string; signedFor: string }>({
    ...trust,
    what: ({ reference, signedFor }) => `${reference} was made and signed for ${signedFor}, not for this place`,
    remedy: () => 'take it from where it belongs, or have it pushed to this place by somebody who may sign for it',
    sample: { reference: 'registry.example.com/team/dev:3', signedFor: 'registry.example.com/lab/dev:3' },
  }),
  TRUST_SIGNING_FAILED: error<{ key: string; why: string }>({
    ...trust,
    what: ({ key, why }) => `nothing was signed with ${key}: ${why}`,
    remedy: ({ key }) =>
      `a key with a passphrase or a PIN signs through the agent: ssh-add ${key}, then name its .pub file`,
    sample: { key: '~/.ssh/id_ed25519', why: 'ssh-keygen ended with status 255' },
  }),
  RECEIPT_MISSING: error<{ file: string }>({
    ...refused,
    what: ({ file }) => `there is no receipt at ${file}`,
    remedy: () => 'vmgate up',
    sample: { file: 'receipt.json' },
  }),
  RECEIPT_UNSIGNED: error<{ file: string }>({
    ...refused,
    what: ({ file }) => `${file} has no signature beside it (${file}.sig)`,
    remedy: fresh,
    sample: { file: 'receipt.json' },
  }),
  RECEIPT_SIGNATURE_MALFORMED: error<{ file: string; detail: string }>({
    ...refused,
    what: ({ file, detail }) => `the signature of ${file} cannot be read: ${detail}`,
    remedy: fresh,
    sample: { file: 'receipt.json', detail: 'the signature is not in SSH SIGNATURE armor' },
  }),
  RECEIPT_TAMPERED: error<{ file: string; detail: string }>({
    ...refused,
    what: ({ file, detail }) => `${file} was changed after it was signed: ${detail}`,
    remedy: fresh,
    sample: { file: 'receipt.json', detail: 'these are not the bytes that SHA256:abc signed' },
  }),
  RECEIPT_FOREIGN_SIGNER: error<{ file: string; detail: string }>({
    ...refused,
    what: ({ file, detail }) => `${file} is not from this installation: ${detail}`,
    remedy: ({ file }) =>
      `check it against its own installation's key: ssh-keygen -Y verify -n vmgate-receipt -I vmgate -f ALLOWED_SIGNERS -s ${file}.sig < ${file}`,
    sample: { file: 'receipt.json', detail: 'signed by SHA256:abc' },
  }),
  RECEIPT_WRONG_PURPOSE: error<{ file: string; detail: string }>({
    ...refused,
    what: ({ file, detail }) => `the signature of ${file} is for something else: ${detail}`,
    remedy: fresh,
    sample: { file: 'receipt.json', detail: 'made for "git", not for vmgate-receipt' },
  }),
  RECEIPT_MALFORMED: error<{ file: string; detail: string }>({
    ...refused,
    what: ({ file, detail }) => `${file} is not a receipt: ${detail}`,
    remedy: fresh,
    sample: { file: 'receipt.json', detail: 'verdicts: no verdict on uplink' },
  }),
  RECEIPT_EXPIRED: error<{ file: string; ageSeconds: number }>({
    ...refused,
    what: ({ file, ageSeconds }) => `${file} expired ${ageSeconds} s ago`,
    remedy: fresh,
    sample: { file: 'receipt.json', ageSeconds: 42 },
  }),
  RECEIPT_OTHER_BOOT: error<{ file: string }>({
    ...refused,
    what: ({ file }) => `${file} is from before this machine was last started`,
    remedy: () => 'vmgate up',
    sample: { file: 'receipt.json' },
  }),
  RECEIPT_FROM_THE_FUTURE: error<{ file: string }>({
    ...refused,
    what: ({ file }) => `${file} says it was issued later than now`,
    remedy: fresh,
    sample: { file: 'receipt.json' },
  }),
  RECEIPT_REVOKED: error<{ file: string; gate: string }>({
    ...refused,
    what: ({ file, gate }) =>
      `${file} proves nothing any more: gate ${gate} is not open, and a close revokes every receipt`,
    remedy: () => 'vmgate status says why; vmgate up',
    sample: { file: 'receipt.json', gate: 'default' },
  }),
  RECEIPT_REPLACED: error<{ file: string; gate: string; differs: readonly string[] }>({
    ...refused,
    what: ({ file, gate, differs }) => `${file} is about gate ${gate} as it was before: another ${differs.join(', ')}`,
    remedy: fresh,
    sample: { file: 'receipt.json', gate: 'default', differs: ['gateway process', 'ruleset'] },
  }),
});
