import path from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { sha256 } from '../../../../src/host/index.ts';
import { type SeedWords, seedDisk } from '../../../../src/work/seed/nocloud.ts';
import { expectGolden } from '../../golden.ts';
import { readIso9660 } from './iso-reader.ts';

const WORDS: SeedWords = {
  name: 'dev',
  authorizedKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDevDevDevDevDevDevDevDevDevDevDevDevDevDevDev0 vmgate\n',
  hostKey: 'the host key, as OpenSSH writes it\n',
  user: 'ann',
  userData: undefined,
  browser: undefined,
};

function textsOf(words: SeedWords): ReadonlyMap<string, string> {
  const { files } = readIso9660(seedDisk(words));
  return new Map([...files].map(([name, hex]) => [name, Buffer.from(hex, 'hex').toString('utf8')]));
}

test('the seed is as reviewed, to the byte', () => {
  const texts = [...textsOf(WORDS)].map(([name, text]) => `--- ${name}\n${text}`).join('\n');
  expectGolden(path.join(import.meta.dirname, 'golden', 'seed.txt'), `${sha256(seedDisk(WORDS))}\n${texts}\n`);
});

test('user-data is the user’s own words', () => {
  const userData = '#cloud-config\nruncmd:\n  - "echo: \'ü\'"\n';
  expect(textsOf({ ...WORDS, userData }).get('user-data')).toBe(userData);
});

test('a browser is told its page, and whether it keeps its profile', () => {
  const homePage = 'https://www.example.org/?q=a&b="c"';
  const once = textsOf({ ...WORDS, browser: { homePage, keepProfile: false } });
  expect(once.get('home-page')).toBe(homePage);
  expect(once.has('keep-profile')).toBe(false);
  const kept = textsOf({ ...WORDS, browser: { homePage: undefined, keepProfile: true } });
  expect(kept.get('home-page')).toBe('');
  expect(kept.has('keep-profile')).toBe(true);
  expect(textsOf(WORDS).has('home-page')).toBe(false);
});

test('every other word makes another instance, and the same words the same one', () => {
  const instance = (words: SeedWords) => parse(textsOf(words).get('meta-data') ?? '')['instance-id'];
  const all = [WORDS, { ...WORDS, user: 'bob' }, { ...WORDS, name: 'web' }, { ...WORDS, userData: '#cloud-config\n' }];
  expect(new Set(all.map(instance)).size).toBe(all.length);
  expect(instance({ ...WORDS })).toBe(instance(WORDS));
});

test('cloud-init lets in root and the account by vmgate’s key alone, and knows the host key', () => {
  const vendor = parse(textsOf(WORDS).get('vendor-data') ?? '');
  expect(vendor).toMatchObject({
    ssh_pwauth: false,
    disable_root: false,
    ssh_keys: { ed25519_private: WORDS.hostKey },
  });
  expect(vendor.users).toEqual(['default', expect.objectContaining({ name: 'ann' })]);
  expect(parse(textsOf({ ...WORDS, user: undefined }).get('vendor-data') ?? '')).not.toHaveProperty('users');
});
