import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { VmgateError } from '../../../../src/core/coded.ts';
import { ipsecErrors } from '../../../../src/vpn/ipsec/codes.ts';
import { planIpsec } from '../../../../src/vpn/ipsec/plan.ts';
import type { ProfileOptions } from '../../../../src/vpn/kind.ts';
import { detectKind } from '../../../../src/vpn/kinds.ts';
import { faultOf } from '../../faults.ts';
import { expectGolden } from '../../golden.ts';
import { expectRefusals } from '../refusals.ts';

const folder = (name: string) => path.join(import.meta.dirname, name);
const read = (kind: 'good' | 'broken', name: string) => readFileSync(path.join(folder(kind), name));
const names = (kind: 'good' | 'broken') => readdirSync(folder(kind)).sort();
/** The certificates here are valid from a day in November 2026 on, for a century. */
const NOW = Date.parse('2027-06-01T00:00:00Z');
const WHOLE: ProfileOptions = { split: false, dns: [] };
const LOGIN = { user: 'al"ice', password: 'open \\ "sesame" $(x)' };
const PINNED = { address: '198.51.100.4', port: 4_500 };

/** Files named split-* are added with `--split`. */
function refusalOf(profile: Uint8Array | string, file: string): VmgateError {
  return faultOf(() => planIpsec(profile, file, { ...WHOLE, split: file.startsWith('split-') }, NOW));
}

/** Secrets of the files here, and whatever looks like a piece of a key. */
function secretsIn(profile: string): readonly string[] {
  return [
    ...(profile.match(/[A-Za-z0-9+/]{24,}/g) ?? []).map((key) => key.slice(0, 16)),
    'correct horse',
    'secret word',
  ];
}

describe('broken and hostile IKEv2 profiles', () => {
  test('each is refused with code, position and remedy', () => {
    const golden = path.join(folder('golden'), 'broken.txt');
    expectRefusals(golden, names('broken'), (name) => refusalOf(read('broken', name), name));
  });

  test('have every code that such a profile can cause', () => {
    const codes = names('broken').map((name) => refusalOf(read('broken', name), name).code);
    expect(new Set(codes)).toEqual(new Set(['VPN_PROFILE_NOT_TEXT', ...Object.keys(ipsecErrors)]));
  });

  test.each(names('broken'))('%s: no secret is quoted', (name) => {
    const profile = read('broken', name);
    const said = JSON.stringify(refusalOf(profile, name).serialize());
    for (const secret of secretsIn(profile.toString('utf8'))) expect(said).not.toContain(secret);
  });
});

describe('who the server must prove to be', () => {
  const idOf = (serverId: string) => {
    const profile = `kind: ikev2\nserver: vpn.acme.example\nauth: psk\npsk: correct horse battery staple\nserverId: "${serverId}"\n`;
    return planIpsec(profile, 'acme.yaml', WHOLE, NOW).plan.serverId;
  };

  // strongSwan's src/libstrongswan/utils/identification.c, identification_create_from_string and matches_range.
  test.each([
    ...[
      '0.0.0.0',
      '::',
      '0::0',
      '0.0.0.0/0',
      '192.0.2.1-192.0.2.9',
      '::/0',
      '2001:db8::/32',
      '2001:db8::1-2001:db8::9',
    ],
    ...['ipv4net:AAAAAAAA', 'IPv4Range:AAAAAAAA', 'ipv6net:x', 'ipv6range:x'],
  ])('is never many: %s', (serverId) => {
    const { code, what } = faultOf(() => idOf(serverId));
    expect(code).toBe('VPN_IKE_VALUE');
    expect(what).toMatch(/^acme\.yaml:5:11: the value of serverId /);
  });

  test.each([
    ...['192.0.2.1', '2001:db8::1', 'vpn-1.acme.example', 'vpn@acme.example', '@vpn.acme.example', '7-eleven.example'],
    ...['C=CH, O=Acme/West, CN=vpn.acme.example', 'dns:vpn.acme.example', 'ipv4:a/b', '3.example', 'fd-1.example'],
  ])('may be %s', (serverId) => {
    expect(idOf(serverId)).toBe(serverId);
  });
});

describe('what is no JSON', () => {
  test.each([
    ['{\n  "type": ikev2-eap\n}', '2:11'],
    ['{\n  "type": }', '2:11'],
    ['{\n  "type": "ikev2-eap",\n}', '3:1'],
    ['{\n  "type" "ikev2-eap"}', '2:10'],
    ['{\n  type: 1}', '2:3'],
    ['{"type": nul}', '1:13'],
    ['{"type": -}', '1:11'],
    ['{"type": "ikev2-eap"}\n}', '2:1'],
    ['{"type": "ikev2-eap"', '1:21'],
    ['{"type":\n "ikev2-eap', '2:12'],
    ['{', '1:2'],
    ["{'", '1:2'],
  ])('is told where it begins: %j', (text, place) => {
    const { code, what } = faultOf(() => planIpsec(text, 'a.sswan', WHOLE, NOW));
    expect(code).toBe('VPN_IKE_SYNTAX');
    expect(what).toContain(`a.sswan:${place}: `);
  });
});

test("a fault of an Apple profile is told where the VPN's own key stands, not another payload's", () => {
  const wifi = [
    ...['<dict>', '<key>PayloadType</key><string>com.apple.wifi.managed</string>'],
    ...['<key>MTU</key><integer>1500</integer>', '<key>OnDemandEnabled</key><integer>0</integer>', '</dict>', ''],
  ].join('\n');
  const lines = (mtu: number) =>
    read('good', 'psk.mobileconfig')
      .toString('utf8')
      .replace('<key>RemoteAddress</key>', `<key>MTU</key><integer>${mtu}</integer>\n$&`)
      .replace(/(<key>PayloadContent<\/key>\s*<array>\s*)/, `$1${wifi}`);
  const [before = ''] = lines(9_000).split('<key>MTU</key><integer>9000');
  const { code, what } = faultOf(() => planIpsec(lines(9_000), 'a.mobileconfig', WHOLE, NOW));
  expect(code).toBe('VPN_IKE_VALUE');
  expect(what).toContain(`a.mobileconfig:${before.split('\n').length}:`);
});

describe('proposals', () => {
  const codeOfEsp = (line: string) => {
    const profile = `kind: ikev2\nserver: vpn.acme.example\nauth: psk\npsk: correct horse battery staple\n${line}\n`;
    try {
      planIpsec(profile, 'a.yaml', WHOLE, NOW);
    } catch (fault) {
      if (VmgateError.is(fault)) return fault.code;
      throw fault;
    }
    return 'accepted';
  };

  // strongSwan's proposal_keywords_static.txt, and check_proposal, which wants integrity of IKE's own alone.
  test.each([
    ...['aes128gmac', 'aes192gmac', 'aes256gmac', 'aes256gmac-sha256', 'null-sha256', 'aes256-sha256-ecp192'].map(
      (esp) => [`esp: [${esp}]`, 'VPN_IKE_WEAK'],
    ),
    ...['aes256', 'aes256-modp2048', 'aes256ctr', 'camellia256-esn'].map((esp) => [`esp: [${esp}]`, 'VPN_IKE_VALUE']),
    ['ike: [aes256-prfsha256-modp2048]', 'VPN_IKE_VALUE'],
    ...['aes256gcm', 'aes128ccm8-x25519', 'chacha20poly1305', 'aes256-sha2_512', 'aes128-aesxcbc', 'aes-sha1'].map(
      (esp) => [`esp: [${esp}]`, 'accepted'],
    ),
    ['ike: [aes256gcm16-prfsha256-x25519]', 'accepted'],
  ])('encrypt, and prove that nobody changed anything: %s', (line, code) => {
    expect(codeOfEsp(line)).toBe(code);
  });
});

describe("Apple's EnablePFS", () => {
  const espOf = (child: boolean, pfs: string) => {
    const profile = read('good', 'psk.mobileconfig')
      .toString('utf8')
      .replace(/\s*<key>ChildSecurityAssociationParameters<\/key>\s*<dict>[\s\S]*?<\/dict>/, child ? '$&' : '')
      .replace('<key>RemoteAddress</key>', `<key>EnablePFS</key>${pfs}<key>RemoteAddress</key>`);
    const { secrets } = planIpsec(profile, 'a.mobileconfig', WHOLE, NOW);
    return /esp_proposals = (.*)/.exec(secrets.reveal(PINNED, 51_999, 1))?.[1];
  };

  test.each([
    ['a group for each rekeying, where it is asked for', true, '<integer>1</integer>', 'aes256gcm16-ecp256'],
    ["Apple's own algorithms where none are said", false, '<true/>', 'aes256-sha256-modp2048'],
    ['none where it is not', true, '<integer>0</integer>', 'aes256gcm16'],
    ["vmgate's own where neither is said", false, '<false/>', 'aes256gcm16-aes128gcm16, aes256-aes128-sha256'],
  ])('is %s', (_, child, pfs, esp) => {
    expect(espOf(child, pfs)).toBe(esp);
  });
});

describe('IPv6 that a profile asks for', () => {
  const psk = (more: string) =>
    `kind: ikev2\nserver: vpn.acme.example\nauth: psk\npsk: correct horse battery staple\n${more}`;
  const asked = (more: string, options: Partial<ProfileOptions> = {}) => {
    const { plan, secrets } = planIpsec(psk(more), 'acme.yaml', { ...WHOLE, ...options }, NOW);
    const text = secrets.reveal(PINNED, 40_001, 1);
    const line = (key: string) => new RegExp(`^ *${key} = (.*)$`, 'm').exec(text)?.[1];
    return [plan.possibleIpv6, line('vips'), line('remote_ts')];
  };
  const split = { split: true };

  test.each<[string, string, Partial<ProfileOptions>, ReturnType<typeof asked>]>([
    [
      'all, and what the server carries counts',
      '',
      {},
      [{ routes: [], serverRoutes: true }, '0.0.0.0, ::', '0.0.0.0/0, ::/0'],
    ],
    ['none, if it is said', 'ipv6: false', {}, [undefined, '0.0.0.0', '0.0.0.0/0']],
    ['none of a tunnel of IPv4 parts', 'routes: [10.20.0.0/16]', split, [undefined, '0.0.0.0', '10.20.0.0/16']],
    [
      'the prefixes of a tunnel of parts, and no more',
      "routes: [10.20.0.0/16, '2001:DB8:7::7/48']",
      split,
      [{ routes: ['2001:db8:7::/48'], serverRoutes: false }, '0.0.0.0, ::', '10.20.0.0/16, 2001:db8:7::/48'],
    ],
  ])('%s', (_, more, options, expected) => {
    expect(asked(more, options)).toEqual(expected);
  });
});

describe('good IKEv2 profiles', () => {
  test.each(names('good'))('%s is known by its content', (name) => {
    expect(detectKind(read('good', name), name)).toBe('ipsec');
  });

  test('plans, notices and what charon is given', () => {
    const rendered = names('good').map((name) => {
      const options = { ...WHOLE, split: name === 'psk-all.yaml' || name.endsWith('.sswan'), login: LOGIN };
      const { plan, publicKey, notices, secrets } = planIpsec(read('good', name), name, options, NOW);
      const notes = notices.map(({ code, text }) => `${code} ${text}\n`).join('');
      const files = secrets.reveal(PINNED, 51_999, 0x766d).replace(/(?<=-----\n)[^-]*(?=-----END)/g, '...\n');
      return `== ${name}\n${JSON.stringify(plan, undefined, 2)}\nknown as ${publicKey}\n${notes}-- files\n${files}`;
    });
    expectGolden(path.join(folder('golden'), 'good.txt'), rendered.join('\n'));
  });

  test('a printed plan shows no secret', () => {
    const { secrets } = planIpsec(read('good', 'psk.yaml'), 'a.yaml', WHOLE, NOW);
    for (const shown of [JSON.stringify(secrets), String(secrets), inspect(secrets, { showHidden: true })]) {
      expect(shown).not.toContain('horse');
    }
  });
});

test('no value of a profile begins a line or a section of its own in what charon is given', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  const lines = (profile: string) => {
    const { secrets } = planIpsec(profile, 'a.yaml', WHOLE, NOW);
    return secrets
      .reveal(PINNED, 51_999, 0x766d)
      .split('\n')
      .map((line) => line.trim().split(/[ =]/)[0]);
  };
  const plain = lines('kind: ikev2\nserver: a.example\nauth: psk\npsk: x\nid: b\nserverId: c\n');
  const property = fc.property(text, text, text, (psk, id, serverId) => {
    const profile = JSON.stringify({ kind: 'ikev2', server: 'a.example', auth: 'psk', psk, id, serverId });
    try {
      expect(
        lines(
          profile
            .replace('{', '')
            .replace(/\}$/, '')
            .replaceAll(/,(?="(?:psk|id|serverId|auth|server)":)/g, '\n'),
        ),
      ).toEqual(plain);
    } catch (fault) {
      if (!VmgateError.is(fault)) throw fault;
    }
  });
  fc.assert(property, { numRuns: 500 });
});
