/**
 * The beginning of RFB (RFC 6143, section 7.1), as a server that asks for a password and as a client that needs none. What
 * follows is passed on as it is: whoever is let in talks to QEMU itself.
 */
import { createCipheriv, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Mismatch, take } from './take.ts';

const VERSION = 'RFB 003.008\n';
const VERSION_BYTES = 12;
const NO_PASSWORD = 1;
const PASSWORD = 2;
const CHALLENGE_BYTES = 16;
const MAX_REASON = 1_024;

/**
 * Greets a viewer and asks for the password.
 *
 * @returns whether it knew it; it has been told
 * @throws Mismatch
 */
export async function letIn(viewer: Duplex, password: string): Promise<boolean> {
  viewer.write(VERSION);
  const spoken = minorVersion(await take(viewer, VERSION_BYTES));
  if (spoken < 7) {
    // 3.3: the server chooses, and gives no list to choose from.
    viewer.write(number(PASSWORD));
  } else {
    viewer.write(Buffer.from([1, PASSWORD]));
    const [chosen] = await take(viewer, 1);
    if (chosen !== PASSWORD) throw new Mismatch(`the viewer wants the way in number ${chosen}`);
  }
  const challenge = randomBytes(CHALLENGE_BYTES);
  viewer.write(challenge);
  const isRight = timingSafeEqual(await take(viewer, CHALLENGE_BYTES), answerTo(challenge, password));
  const reason = Buffer.from('wrong password', 'latin1');
  const refusal = spoken < 8 ? number(1) : Buffer.concat([number(1), number(reason.length), reason]);
  viewer.write(isRight ? number(0) : refusal);
  return isRight;
}

/** Greets a server that lets anybody in who can reach it: QEMU, behind a socket of its owner's. @throws Mismatch */
export async function enter(server: Duplex): Promise<void> {
  if (minorVersion(await take(server, VERSION_BYTES)) < 8) throw new Mismatch('it speaks an old version of RFB');
  server.write(VERSION);
  const [count = 0] = await take(server, 1);
  if (count === 0) throw new Mismatch(await reasonOf(server));
  if (!(await take(server, count)).includes(NO_PASSWORD)) throw new Mismatch('it asks for a password that nobody set');
  server.write(Buffer.from([NO_PASSWORD]));
  if ((await take(server, 4)).readUInt32BE() !== 0) throw new Mismatch(await reasonOf(server));
}

/**
 * DES of the challenge, the password's first eight bytes as its key, bits of each in reverse: an old mistake that became
 * the protocol (RFC 6143, section 7.2.2). Node has no single DES; three times the same key is that.
 */
export function answerTo(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(8);
  Buffer.from(password, 'latin1').copy(key, 0, 0, 8);
  const mirrored = Buffer.from(key.map(mirror));
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([mirrored, mirrored, mirrored]), null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

function mirror(byte: number): number {
  return [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, bit) => sum | (((byte >> bit) & 1) << (7 - bit)), 0);
}

/** Apple's viewer says 889; whatever is not known counts as the oldest (section 7.1.1). */
function minorVersion(greeting: Buffer): number {
  const minor = Number(/^RFB 003\.(\d{3})\n$/.exec(greeting.toString('latin1'))?.[1] ?? Number.NaN);
  if (Number.isNaN(minor)) throw new Mismatch('it does not speak RFB');
  return minor < 7 ? 3 : Math.min(minor, 8);
}

async function reasonOf(server: Duplex): Promise<string> {
  const length = (await take(server, 4)).readUInt32BE();
  return (await take(server, Math.min(length, MAX_REASON))).toString('latin1');
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
