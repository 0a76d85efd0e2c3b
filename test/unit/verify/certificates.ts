/** X.509 certificates for TLS servers in tests, made on the spot: RFC 5280, in as little DER as TLS clients accept. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const oid = (...bytes: readonly number[]) => der(0x06, Buffer.from(bytes));
const ED25519 = sequence(oid(0x2b, 0x65, 0x70));

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(name)))));
}

function time(at: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '')}`));
}

function extension(id: readonly number[], value: Uint8Array): Buffer {
  return sequence(oid(...id), der(0x04, value));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function issue(
  issuer: { readonly name: string; readonly key: KeyObject },
  subject: { readonly name: string; readonly key: KeyObject },
  extensions: readonly Buffer[],
  notAfter: number,
): string {
  const unsigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ED25519,
    commonName(issuer.name),
    sequence(time(notAfter - 400 * DAY_MS), time(notAfter)),
    commonName(subject.name),
    subject.key.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign(null, unsigned, issuer.key);
  return pem('CERTIFICATE', sequence(unsigned, ED25519, der(0x03, Buffer.from([0]), signature)));
}

/** An authority and what it can issue. */
export function makeAuthority(name: string) {
  const own = generateKeyPairSync('ed25519');
  const issuer = { name, key: own.privateKey };
  const isAuthority = extension([0x55, 0x1d, 0x13], sequence(der(0x01, Buffer.from([0xff]))));
  return {
    certificate: issue(issuer, { name, key: own.publicKey }, [isAuthority], Date.now() + 100 * DAY_MS),
    issue(host: string, notAfter = Date.now() + 100 * DAY_MS): Issued {
      const pair = generateKeyPairSync('ed25519');
      const names = extension([0x55, 0x1d, 0x11], sequence(der(0x82, Buffer.from(host))));
      return {
        certificate: issue(issuer, { name: host, key: pair.publicKey }, [names], notAfter),
        key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}
