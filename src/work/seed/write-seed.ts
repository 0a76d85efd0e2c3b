import { writeFileAtomic } from '../../home/index.ts';
import { sshSeed } from '../ssh-access.ts';
import { seedOf } from '../vm-files.ts';
import { seedDisk } from './nocloud.ts';

/** The seed of the VM in `folder`, 0600: it holds the key that the VM is known by. */
export async function writeSeed(
  folder: string,
  name: string,
  said: { readonly user: string | undefined; readonly userData: string | undefined },
): Promise<void> {
  const { authorizedKey, openSshHostKey } = await sshSeed(folder, name);
  const { user, userData } = said;
  await writeFileAtomic(seedOf(folder), seedDisk({ name, authorizedKey, hostKey: openSshHostKey, user, userData }));
}
