/**
 * A certificate and its key out of a PKCS #12 file (RFC 7292), which is how administrators hand both out. Nothing of it is
 * ever quoted. A password that is too short protects nothing; that is the administrator's matter.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { bodyAt, type Element, elementsOf, insideOf, oidAt, TAGS } from './asn1.ts';
import { derToPem } from './der.ts';
import { decrypt, isUntouched } from './pbe.ts';

/** PEM, the certificate of the key first. */
export interface Pkcs12 {
  readonly certificates: string;
  /** Secret. */
  readonly key: string;
}

/**
 * `locked`: another password, or one at all. `unsupported`: an algorithm of before 2010 (RC2), or one after this reader.
 * `garbled`: no PKCS #12, or without one certificate and its key.
 */
export type Pkcs12Fault = 'locked' | 'unsupported' | 'garbled';

const [DATA, ENCRYPTED] = ['2a864886f70d010701', '2a864886f70d010706'] as const;
const [KEY, SHROUDED_KEY, CERTIFICATE] = [1, 2, 3].map((kind) => `2a864886f70d010c0a010${kind}`);
const X509 = '2a864886f70d01091601';
/** Each costs the password's rounds. */
const MAX_SEALED = 4;

/** What was found on the way, and how often the password was needed. */
interface Found {
  readonly certificates: X509Certificate[];
  readonly keys: KeyObject[];
  sealed: number;
}

/** @param password empty where nobody said one */
export function readPkcs12(bytes: Buffer, password: string): Pkcs12 | Pkcs12Fault {
  const file = insideOf(elementsOf(bytes), 0);
  const content = octetsIn(insideOf(file, 1));
  if (content === undefined) return 'garbled';
  if (file?.[2] !== undefined) {
    const untouched = isUntouched(insideOf(file, 2), content, password);
    if (untouched !== true) return untouched === undefined ? 'unsupported' : 'locked';
  }
  const found: Found = { certificates: [], keys: [], sealed: 0 };
  for (const { body } of insideOf(elementsOf(content), 0) ?? []) {
    const fault = readSafe(elementsOf(body), password, found);
    if (fault !== undefined) return fault;
  }
  return pairOf(found);
}

/** The octets of a ContentInfo of plain data. */
function octetsIn(info: readonly Element[] | undefined): Buffer | undefined {
  return oidAt(info, 0) === DATA ? bodyAt(insideOf(info, 1, TAGS.explicit0), 0, TAGS.octets) : undefined;
}

function readSafe(info: readonly Element[] | undefined, password: string, found: Found): Pkcs12Fault | undefined {
  if (oidAt(info, 0) !== ENCRYPTED) return readBags(octetsIn(info), password, found);
  const sealed = insideOf(insideOf(insideOf(info, 1, TAGS.explicit0), 0), 1);
  const bytes = bodyAt(sealed, 2, TAGS.implicit0);
  return bytes === undefined
    ? 'garbled'
    : unlocked(insideOf(sealed, 1), bytes, password, found, (plain) => readBags(plain, password, found));
}

function readBags(bytes: Buffer | undefined, password: string, found: Found): Pkcs12Fault | undefined {
  const bags = bytes === undefined ? undefined : insideOf(elementsOf(bytes), 0);
  if (bags === undefined) return 'garbled';
  for (const { body } of bags) {
    const fault = readBag(elementsOf(body), password, found);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function readBag(bag: readonly Element[] | undefined, password: string, found: Found): Pkcs12Fault | undefined {
  const value = bodyAt(bag, 1, TAGS.explicit0);
  if (value === undefined) return 'garbled';
  const inside = insideOf(elementsOf(value), 0);
  switch (oidAt(bag, 0)) {
    case KEY:
      return takeKey(value, found);
    case SHROUDED_KEY: {
      const sealed = bodyAt(inside, 1, TAGS.octets);
      if (sealed === undefined) return 'garbled';
      return unlocked(insideOf(inside, 0), sealed, password, found, (plain) => takeKey(plain, found));
    }
    case CERTIFICATE: {
      const der = bodyAt(insideOf(inside, 1, TAGS.explicit0), 0, TAGS.octets);
      return oidAt(inside, 0) === X509 && der !== undefined ? takeCertificate(der, found) : 'garbled';
    }
    default:
      // Revocation lists, secrets of other programs: of no use here.
      return undefined;
  }
}

function unlocked(
  algorithm: readonly Element[] | undefined,
  sealed: Buffer,
  password: string,
  found: Found,
  take: (plain: Buffer) => Pkcs12Fault | undefined,
): Pkcs12Fault | undefined {
  found.sealed += 1;
  if (found.sealed > MAX_SEALED) return 'garbled';
  const plain = decrypt(algorithm, sealed, password);
  if (typeof plain !== 'string') return take(plain);
  return plain === 'wrong' ? 'locked' : plain;
}

function takeKey(pkcs8: Buffer, { keys }: Found): Pkcs12Fault | undefined {
  try {
    keys.push(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
    return undefined;
  } catch {
    return 'garbled';
  }
}

function takeCertificate(der: Buffer, { certificates }: Found): Pkcs12Fault | undefined {
  try {
    certificates.push(new X509Certificate(der));
    return undefined;
  } catch {
    return 'garbled';
  }
}

function pairOf({ certificates, keys: [key, second] }: Found): Pkcs12 | Pkcs12Fault {
  if (key === undefined || second !== undefined) return 'garbled';
  const own = certificates.find((each) => createPublicKey(key).equals(each.publicKey));
  if (own === undefined) return 'garbled';
  const others = certificates.filter((each) => each !== own && !isRoot(each));
  return {
    certificates: [own, ...others].map(({ raw }) => derToPem(raw)).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** The server has its own, or does not believe in it. */
function isRoot(certificate: X509Certificate): boolean {
  return certificate.ca && certificate.checkIssued(certificate);
}
