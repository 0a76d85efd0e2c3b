import { Duplex, PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answerTo, enter, letIn } from '../../../src/view/handshake.ts';
import { take } from '../../../src/view/take.ts';

const PASSWORD = 'tw5k8n3q';

/** A stream whose other end says `said`, and hears what is written. */
function peer(...said: readonly (Buffer | string)[]): { readonly stream: Duplex; readonly heard: () => Buffer } {
  const [from, parts] = [new PassThrough(), [] as Buffer[]];
  for (const each of said) from.write(each);
  const stream = Duplex.from({
    readable: from,
    writable: async (source: AsyncIterable<Buffer | string>) => {
      for await (const part of source) parts.push(Buffer.isBuffer(part) ? part : Buffer.from(part));
    },
  });
  return { stream, heard: () => Buffer.concat(parts) };
}

/** A viewer that answers as it is asked; the challenge is only known then. */
async function visit(version: string, password: string): Promise<{ readonly isIn: boolean; readonly heard: Buffer }> {
  const [toDoor, toViewer] = [new PassThrough(), new PassThrough()];
  const door = Duplex.from({ readable: toDoor, writable: toViewer });
  const parts: Buffer[] = [];
  const old = version === 'RFB 003.003\n';
  const before = 12 + (old ? 4 : 2);
  let answered = false;
  toViewer.on('data', (part: Buffer) => {
    parts.push(part);
    const heard = Buffer.concat(parts);
    if (answered || heard.length < before + 16) return;
    answered = true;
    toDoor.write(answerTo(heard.subarray(before, before + 16), password));
  });
  toDoor.write(old ? version : Buffer.concat([Buffer.from(version), Buffer.from([2])]));
  const isIn = await letIn(door, PASSWORD);
  await new Promise((resolve) => setImmediate(resolve));
  return { isIn, heard: Buffer.concat(parts) };
}

test.each(['RFB 003.003\n', 'RFB 003.007\n', 'RFB 003.008\n', 'RFB 003.889\n'])(
  '%j with the password is let in',
  async (version) => {
    const { isIn, heard } = await visit(version, PASSWORD);
    expect(isIn).toBe(true);
    expect(heard.subarray(-4).readUInt32BE()).toBe(0);
  },
);

test.each(['RFB 003.003\n', 'RFB 003.007\n', 'RFB 003.008\n'])('%j with another one is not', async (version) => {
  for (const wrong of ['', 'tw5k8n3p', PASSWORD.slice(0, 7), PASSWORD.toUpperCase()]) {
    expect((await visit(version, wrong)).isIn).toBe(false);
  }
});

test('a viewer is offered the password and nothing else, and told when it is wrong', async () => {
  const { heard } = await visit('RFB 003.008\n', 'wrong');
  expect(heard.subarray(0, 14)).toEqual(Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1, 2])]));
  expect(heard.subarray(-14).toString()).toBe('wrong password');
});

test('one that wants in without a password is sent away', async () => {
  const { stream } = peer('RFB 003.008\n', Buffer.from([1]));
  await expect(letIn(stream, PASSWORD)).rejects.toThrow('way in number 1');
});

test.each([
  ['nothing', []],
  ['half a greeting', ['RFB 003']],
  ['HTTP', ['GET / HTTP/1.1\r\n\r\n']],
  ['another major version', ['RFB 004.001\n']],
])('%s is no viewer', async (_, said) => {
  const { stream } = peer(...said);
  setImmediate(() => stream.push(null));
  await expect(letIn(stream, PASSWORD)).rejects.toThrow();
});

test('whatever a viewer says, it is in only with the answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }), async (said) => {
      const { stream } = peer('RFB 003.008\n', Buffer.from([2]), ...said.map((each) => Buffer.from(each)));
      setImmediate(() => stream.push(null));
      expect(await letIn(stream, PASSWORD).catch(() => false)).toBe(false);
    }),
    { numRuns: 100 },
  );
});

/** By the openssl program: enc -des-ecb -nopad, its key the bytes of "password" with their bits in reverse. */
test('the answer is the one that viewers compute', () => {
  const challenge = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  expect(answerTo(challenge, 'password').toString('hex')).toBe(ANSWER);
});
const ANSWER = 'b866924125c8eebb9debc1db61c538e2';

test('QEMU is entered without a password', async () => {
  const { stream, heard } = peer('RFB 003.008\n', Buffer.from([1, 1]), Buffer.alloc(4), 'the rest');
  await enter(stream);
  expect(heard()).toEqual(Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1])]));
  expect(String(await take(stream, 8))).toBe('the rest');
});

test.each([
  ['an old server', ['RFB 003.003\n', Buffer.from([0, 0, 0, 1])], 'old version'],
  ['one that wants a password', ['RFB 003.008\n', Buffer.from([1, 2])], 'a password that nobody set'],
  ['one that is full', ['RFB 003.008\n', Buffer.from([0, 0, 0, 0, 4]), 'full'], 'full'],
  ['one that changes its mind', ['RFB 003.008\n', Buffer.from([1, 1, 0, 0, 0, 1, 0, 0, 0, 2]), 'no'], 'no'],
  ['no VNC server', ['SSH-2.0-dropbear\r\n'], 'does not speak RFB'],
])('%s is not entered', async (_, said, why) => {
  await expect(enter(peer(...said).stream)).rejects.toThrow(why);
});
