/** What a FIDO authenticator does with a key, in software: PROTOCOL.u2f of OpenSSH. ssh-keygen takes it for real. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { formatPublicLine, sshString, u32 } from '../../../src/ssh/index.ts';

const TYPES = { ed25519: 'sk-ssh-ed25519@openssh.com', ecdsa: 'sk-ecdsa-sha2-nistp256@openssh.com' } as const;
const APPLICATION = 'ssh:';
const TOUCHED = 1;

export function hardwareSigner(kind: keyof typeof TYPES) {
  const pair = kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' });
  const [left, right] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  const point = kind === 'ed25519' ? [left] : ['nistp256', Buffer.concat([Buffer.of(4), left, right])];
  const blob = Buffer.concat([TYPES[kind], ...point, APPLICATION].map(sshString));
  return {
    blob,
    line: formatPublicLine({ type: TYPES[kind], blob }, 'hardware'),
    /** `told`: the counter that is written beside the signature. */
    sign(
      message: string,
      namespace: string,
      more: { counter?: number; told?: number; application?: string } = {},
    ): string {
      const { counter = 7, told = counter, application = APPLICATION } = more;
      const digest = createHash('sha512').update(message).digest();
      const data = Buffer.concat([Buffer.from('SSHSIG'), ...[namespace, '', 'sha512', digest].map(sshString)]);
      const flags = Buffer.of(TOUCHED);
      const signed = Buffer.concat([sha256(application), flags, u32(counter), sha256(data)]);
      const raw =
        kind === 'ed25519'
          ? sign(null, signed, pair.privateKey)
          : mpints(sign('sha256', signed, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }));
      const signature = Buffer.concat([sshString(TYPES[kind]), sshString(raw), flags, u32(told)]);
      const body = Buffer.concat([
        Buffer.from('SSHSIG'),
        u32(1),
        ...[blob, namespace, '', 'sha512', signature].map(sshString),
      ]);
      return `-----BEGIN SSH SIGNATURE-----\n${body.toString('base64').replace(/.{1,70}/g, '$&\n')}-----END SSH SIGNATURE-----\n`;
    },
  };
}

function sha256(content: Buffer | string): Buffer {
  return createHash('sha256').update(content).digest();
}

/** r and s as RFC 4251 mpints: no leading zeros but the one that says "positive". */
function mpints(raw: Buffer): Buffer {
  const half = raw.length / 2;
  return Buffer.concat(
    [raw.subarray(0, half), raw.subarray(half)].map((number) => {
      const start = number.findIndex((byte) => byte !== 0);
      const short = number.subarray(start === -1 ? number.length : start);
      return sshString((short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), short]) : short);
    }),
  );
}
