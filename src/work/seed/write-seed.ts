import { writeFileAtomic } from '../../home/index.ts';
import { sshSeed } from '../ssh-access.ts';
import { seedOf } from '../vm-files.ts';
import { type SeedWords, seedDisk } from './nocloud.ts';

/** The seed of the VM in `folder`, 0600: it holds the key that the VM is known by. */
export async function writeSeed(
  folder: string,
  name: string,
  said: Pick<SeedWords, 'user' | 'userData' | 'browser'>,
): Promise<void> {
  const { authorizedKey, openSshHostKey } = await sshSeed(folder, name);
  const { user, userData, browser } = said;
  await writeFileAtomic(
    seedOf(folder),
    seedDisk({ user, userData, browser, name, authorizedKey, hostKey: openSshHostKey }),
  );
}
