/**
 * How the host gets into a work VM over ssh. The host key of a VM that vmgate seeds is made here, so it is pinned before
 * its first boot; that of a foreign disk is taken at first contact, on a wire where nothing but that VM can answer.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../home/index.ts';
import { dropbearPrivateKey, ed25519Line, makeKeyPair, openSshPrivateKey } from '../ssh/index.ts';

export interface SshAccess {
  readonly user: string;
  /** Private key for the client; undefined for a foreign disk, where the user's own keys are tried. */
  readonly identity: string | undefined;
  readonly knownHosts: string;
  /** The name `knownHosts` knows it by. */
  readonly hostAlias: string;
}

/** What a seeded VM is given. */
export interface SshSeed {
  readonly authorizedKey: string;
  /** dropbear's key file format. */
  readonly hostKey: Buffer;
  /** The same key in OpenSSH's, as text. */
  readonly openSshHostKey: string;
}

/** Where the parts are; nothing is made. */
export function sshAccess(workFolder: string, name: string, seeded: boolean, user = 'root'): SshAccess {
  const folder = path.join(workFolder, 'ssh');
  return {
    user,
    identity: seeded ? path.join(folder, 'client') : undefined,
    knownHosts: path.join(folder, 'known_hosts'),
    hostAlias: `vmgate-${name}`,
  };
}

/** The keys of this VM, made at its first start and kept: a VM that comes back has the same host key. */
export async function sshSeed(workFolder: string, name: string): Promise<SshSeed> {
  const folder = path.join(workFolder, 'ssh');
  const file = (part: string) => path.join(folder, part);
  // known_hosts is written last: with it, everything is there.
  if (!existsSync(file('known_hosts')) || !existsSync(file('host_openssh'))) {
    const [client, host] = [makeKeyPair(), makeKeyPair()];
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFileAtomic(file('client'), openSshPrivateKey(client, 'vmgate'));
    await writeFileAtomic(file('client.pub'), `${ed25519Line(client.publicRaw, 'vmgate')}\n`);
    await writeFileAtomic(file('host'), dropbearPrivateKey(host));
    await writeFileAtomic(file('host_openssh'), openSshPrivateKey(host, `vmgate-${name}`));
    await writeFileAtomic(file('known_hosts'), `vmgate-${name} ${ed25519Line(host.publicRaw, '').trim()}\n`);
  }
  return {
    authorizedKey: await readFile(file('client.pub'), 'utf8'),
    hostKey: await readFile(file('host')),
    openSshHostKey: await readFile(file('host_openssh'), 'utf8'),
  };
}
