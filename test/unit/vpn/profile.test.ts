import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { VmgateError } from '../../../src/core/coded.ts';
import { fileErrors } from '../../../src/vpn/file-codes.ts';
import { type ProfileOptions, planWireGuard } from '../../../src/vpn/index.ts';
import { profileErrors } from '../../../src/vpn/wireguard/codes.ts';
import { faultOf } from '../faults.ts';
import { expectGolden } from '../golden.ts';
import { expectRefusals } from './refusals.ts';

const folder = (name: string) => path.join(import.meta.dirname, name);
const read = (kind: 'corpus' | 'profiles', name: string) => readFileSync(path.join(folder(kind), name));
const names = (kind: 'corpus' | 'profiles') => readdirSync(folder(kind)).sort();
const WHOLE: ProfileOptions = { split: false, dns: [] };
const PINNED = { address: '198.51.100.4', port: 51_820 };

/** Corpus files named split-* are added with `--split`. */
function refusalOf(
  profile: Uint8Array | string,
  file: string,
  options: ProfileOptions = { ...WHOLE, split: file.startsWith('split-') },
): VmgateError {
  return faultOf(() => planWireGuard(profile, file, options));
}

/** Every long run of base64 characters: any of them may be a secret. (All keys here are digests of test names.) */
function keysIn(profile: string): readonly string[] {
  return profile.match(/[A-Za-z0-9+/]{24,}/g) ?? [];
}

describe('broken profiles', () => {
  test('each is refused with code, position and remedy', () => {
    const golden = path.join(folder('golden'), 'broken-profiles.txt');
    expectRefusals(golden, names('corpus'), (name) => refusalOf(read('corpus', name), name));
  });

  test('the corpus has every code a profile can cause', () => {
    const codes = names('corpus').map((name) => refusalOf(read('corpus', name), name).code);
    const others = ['VPN_PROFILE_UNREADABLE', 'VPN_PROFILE_TOO_LARGE', 'VPN_KIND_UNCLEAR'];
    const possible = [...Object.keys(fileErrors), ...Object.keys(profileErrors)];
    expect(new Set([...codes, ...others])).toEqual(new Set(possible));
  });

  test.each(names('corpus'))('%s: no key is quoted anywhere in the error', (name) => {
    const profile = read('corpus', name);
    const said = JSON.stringify(refusalOf(profile, name).serialize());
    for (const key of keysIn(profile.toString('utf8'))) expect(said).not.toContain(key.slice(0, 20));
  });

  test('larger than 64 KiB', () => {
    expect(refusalOf('#'.repeat(65_537), 'big.conf').code).toBe('VPN_PROFILE_TOO_LARGE');
    expect(refusalOf('#'.repeat(65_536), 'big.conf').code).toBe('VPN_SECTION_MISSING');
  });

  test('--dns that is no address, one the tunnel never reaches, too many', () => {
    const profile = read('profiles', 'split.conf');
    expect(refusalOf(profile, 'a.conf', { split: true, dns: ['dns.example'] }).code).toBe('VPN_DNS_OPTION_INVALID');
    expect(refusalOf(profile, 'a.conf', { split: true, dns: ['8.8.8.8'] }).code).toBe('VPN_DNS_OUTSIDE_TUNNEL');
    const many = Array(9).fill('10.64.0.1');
    expect(refusalOf(profile, 'a.conf', { split: true, dns: many }).code).toBe('VPN_LIST_TOO_LONG');
  });
});

describe('good profiles', () => {
  test('plans, notices and setconf text', () => {
    const rendered = names('profiles').map((name) => {
      const { plan, notices, secrets } = planWireGuard(read('profiles', name), name, { split: true, dns: [] });
      const setconf = secrets.reveal(PINNED, 51_999, 0x766d);
      const notes = notices.map(({ code, text }) => `${code} ${text}\n`).join('');
      return `== ${name}\n${JSON.stringify(plan, undefined, 2)}\n${notes}-- setconf\n${setconf}`;
    });
    expectGolden(path.join(folder('golden'), 'profiles.txt'), rendered.join('\n'));
  });

  test('--dns replaces what the profile says', () => {
    const { plan } = planWireGuard(read('profiles', 'full.conf'), 'full.conf', { split: false, dns: ['9.9.9.9'] });
    expect(plan.resolvers).toEqual(['9.9.9.9']);
  });

  test('--dns makes up for a missing DNS line', () => {
    const { plan } = planWireGuard(read('corpus', 'no-dns.conf'), 'a.conf', { split: false, dns: ['10.64.0.1'] });
    expect(plan.resolvers).toEqual(['10.64.0.1']);
  });

  test('--split accepts what is not a full tunnel, and only changes that', () => {
    const { plan } = planWireGuard(read('corpus', 'almost-full.conf'), 'a.conf', { split: true, dns: [] });
    expect(plan).toMatchObject({ split: true, routes: ['0.0.0.0/1', '128.0.0.0/2'] });
    const whole = planWireGuard(read('profiles', 'full.conf'), 'a.conf', { split: true, dns: [] });
    expect(whole.plan).toMatchObject({ split: false, routes: ['0.0.0.0/0'] });
  });

  test('secrets do not show, however they are printed', () => {
    const profile = read('profiles', 'full.conf');
    const planned = planWireGuard(profile, 'full.conf', WHOLE);
    const [privateKey = '', , presharedKey = ''] = keysIn(profile.toString());
    const { secrets } = planned;
    const shown = [
      inspect(planned, { depth: 9, showHidden: true }),
      JSON.stringify(planned),
      `${String(secrets)}`,
      JSON.stringify({ ...secrets }),
      inspect({ ...secrets }),
      inspect(secrets, { customInspect: false, showHidden: true, depth: 9 }),
    ].join('\n');
    expect(secrets.reveal(PINNED, 1, 1)).toContain(privateKey);
    expect(secrets.reveal(PINNED, 1, 1)).toContain(presharedKey);
    expect(shown).not.toContain(privateKey);
    expect(shown).not.toContain(presharedKey);
  });
});
