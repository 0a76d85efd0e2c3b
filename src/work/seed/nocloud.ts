/**
 * What a work VM is told about itself, as a disk: the files of cloud-init's NoCloud datasource, and beside them the same
 * in plain files, which the initramfs of vmgate's own images reads without a parser. Equal words are equal bytes.
 */
import { sha256 } from '../../host/index.ts';
import { type IsoFile, writeIso9660 } from './iso9660.ts';

export interface SeedWords {
  /** Also the host name. */
  readonly name: string;
  /** A line of OpenSSH's authorized_keys. */
  readonly authorizedKey: string;
  /** OpenSSH's private key file. */
  readonly hostKey: string;
  readonly user: string | undefined;
  /** For cloud-init, passed on untouched. */
  readonly userData: string | undefined;
  /** For template: browser. */
  readonly browser: { readonly homePage: string | undefined; readonly keepProfile: boolean } | undefined;
}

/** How cloud-init knows the disk. */
const LABEL = 'CIDATA';

export function seedDisk(words: SeedWords): Buffer {
  return writeIso9660(LABEL, filesOf(words));
}

/**
 * Ours are in meta-data and vendor-data, so that user-data is the user's alone. The instance is another one whenever
 * anything of this is: cloud-init then sets up what it does once for each instance.
 */
function filesOf(words: SeedWords): readonly IsoFile[] {
  const { name, authorizedKey, hostKey, user, browser, userData = '#cloud-config\n{}\n' } = words;
  const instance = sha256(JSON.stringify(words)).slice('sha256:'.length, 'sha256:'.length + 16);
  // JSON is YAML, and quotes whatever is in it.
  const yaml = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;
  const texts = {
    'meta-data': yaml({
      'instance-id': `vmgate-${instance}`,
      'local-hostname': name,
      'public-keys': [authorizedKey.trim()],
    }),
    'vendor-data': `#cloud-config\n${yaml(vendorData(words))}`,
    'user-data': userData,
    'network-config': yaml({
      version: 2,
      ethernets: { wire: { match: { name: 'e*' }, dhcp4: true, dhcp6: false, 'accept-ra': false } },
    }),
    ...{ hostname: name, user: user ?? '', authorized_keys: authorizedKey, host_key: hostKey },
    ...(browser === undefined ? {} : { 'home-page': browser.homePage ?? '' }),
    ...(browser?.keepProfile === true ? { 'keep-profile': '' } : {}),
  };
  return Object.entries(texts).map(([file, text]) => ({ name: file, data: Buffer.from(text) }));
}

/** Passwords stay locked; root is entered by vmgate alone, with its key. */
function vendorData({ authorizedKey, hostKey, user }: SeedWords): object {
  const account = {
    name: user,
    shell: '/bin/sh',
    sudo: 'ALL=(ALL) NOPASSWD:ALL',
    ssh_authorized_keys: [authorizedKey.trim()],
  };
  return {
    disable_root: false,
    ssh_pwauth: false,
    ssh_deletekeys: true,
    ssh_genkeytypes: [],
    ssh_keys: { ed25519_private: hostKey },
    ...(user === undefined ? {} : { users: ['default', account] }),
  };
}
