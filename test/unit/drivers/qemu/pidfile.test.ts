import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { holdsWriteLock, lockHolder, unlocked } from '../../../../src/drivers/qemu/pidfile.ts';

const LOCKS = `1: OFDLCK ADVISORY  READ -1 fe:00:2230096 203 203
2: POSIX  ADVISORY  WRITE 10622 fe:00:2230097 0 EOF
2: -> POSIX  ADVISORY  WRITE 999 fe:00:2230097 0 EOF
3: FLOCK  ADVISORY  WRITE 555 fe:00:77 0 EOF
4: POSIX  ADVISORY  READ 444 fe:00:88 0 EOF
`;

describe('/proc/locks', () => {
  test.each([
    ['the holder', 10_622, 2_230_097, true],
    ['one who waits for it', 999, 2_230_097, false],
    ['another pid', 10_623, 2_230_097, false],
    ['another file', 10_622, 2_230_098, false],
    ['a file whose number ends alike', 10_622, 97, false],
    ['another kind of lock', 555, 77, false],
    ['a read lock', 444, 88, false],
  ])('%s', (_, pid, inode, held) => {
    expect(holdsWriteLock(LOCKS, pid, inode)).toBe(held);
  });

  test('empty or garbled holds nothing', () => {
    expect(holdsWriteLock('', 1, 1)).toBe(false);
    expect(holdsWriteLock('1: POSIX\nx\n\n', 1, 1)).toBe(false);
  });
});

describe('a pidfile', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'vmgate-pid-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(['', 'x', '0', '-1', '1 2', '99999999999999', `${process.pid}`, `${process.pid}\n`])(
    'with %j that nobody has locked means nobody',
    async (text) => {
      const pidfile = path.join(folder, 'qemu.pid');
      await writeFile(pidfile, text);
      await expect(lockHolder(pidfile)).resolves.toBeUndefined();
      await expect(unlocked(pidfile, 0)).resolves.toBe(true);
    },
  );

  test('that is absent means nobody', async () => {
    await expect(lockHolder(path.join(folder, 'absent'))).resolves.toBeUndefined();
  });
});
