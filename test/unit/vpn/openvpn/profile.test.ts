import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { VmgateError } from '../../../../src/core/coded.ts';
import { openvpnErrors } from '../../../../src/vpn/openvpn/codes.ts';
import { parseOpenVpn } from '../../../../src/vpn/openvpn/parse.ts';
import { readDirectives } from '../../../../src/vpn/openvpn/syntax.ts';
import { faultOf } from '../../faults.ts';
import { expectGolden } from '../../golden.ts';
import { expectRefusals } from '../refusals.ts';

const folder = (name: string) => path.join(import.meta.dirname, name);
const read = (kind: 'good' | 'broken', name: string) => readFileSync(path.join(folder(kind), name));
const names = (kind: 'good' | 'broken') => readdirSync(folder(kind)).sort();
/** The certificates here are valid from a day in November 2026 on, for a century. */
const NOW = Date.parse('2027-06-01T00:00:00Z');
const COMPANIONS: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(folder('certs')).map((name) => [name, readFileSync(path.join(folder('certs'), name), 'utf8')]),
);
const beside = (name: string) => (Object.hasOwn(COMPANIONS, name) ? COMPANIONS[name] : undefined);
const parse = (profile: Uint8Array | string, file: string) => parseOpenVpn(profile, file, beside, NOW);

function refusalOf(profile: Uint8Array | string, file: string): VmgateError {
  return faultOf(() => parse(profile, file));
}

/** Every long run of base64 or hexadecimal characters: any of them may be a piece of a key. */
function keysIn(profile: string): readonly string[] {
  return profile.match(/[A-Za-z0-9+/]{24,}/g) ?? [];
}

describe('broken and hostile OpenVPN profiles', () => {
  test('each is refused with code, position and remedy', () => {
    const golden = path.join(folder('golden'), 'broken.txt');
    expectRefusals(golden, names('broken'), (name) => refusalOf(read('broken', name), name));
  });

  test('have every code that such a profile can cause', () => {
    const codes = names('broken').map((name) => refusalOf(read('broken', name), name).code);
    // Of the profile as a whole: plan.test.ts.
    const elsewhere = ['VPN_OVPN_LOGIN_UNKNOWN', 'VPN_OVPN_ROUTES_MISSING'];
    const shared = ['VPN_PROFILE_NOT_TEXT'];
    expect(new Set([...codes, ...elsewhere])).toEqual(new Set([...shared, ...Object.keys(openvpnErrors)]));
  });

  test.each(names('broken'))('%s: nothing of a key is quoted', (name) => {
    const profile = read('broken', name);
    const said = JSON.stringify(refusalOf(profile, name).serialize());
    for (const key of keysIn(profile.toString('utf8'))) expect(said).not.toContain(key.slice(0, 16));
  });
});

describe('good OpenVPN profiles', () => {
  test('are read: remotes and notices', () => {
    const rendered = names('good').map((name) => {
      const { remotes, notices } = parse(read('good', name), name);
      const notes = notices.map(({ code, text }) => `${code} ${text}\n`).join('');
      const servers = remotes.map(({ host, port, protocol }) => `${host}:${port}/${protocol}\n`).join('');
      return `== ${name}\n${servers}${notes}`;
    });
    expectGolden(path.join(folder('golden'), 'good.txt'), rendered.join('\n'));
  });
});

describe('limits', () => {
  test('remotes are counted over all connection blocks', () => {
    const rest = read('good', 'connections.ovpn')
      .toString('utf8')
      .replaceAll(/<connection>[^<]*<\/connection>\n/g, '');
    const blocks = (count: number) => '<connection>\nremote vpn.acme.example 1194\n</connection>\n'.repeat(count);
    expect(parse(`${blocks(64)}${rest}`, 'a.ovpn').remotes).toHaveLength(64);
    const { code, what } = refusalOf(`${blocks(70)}${rest}`, 'a.ovpn');
    expect([code, what]).toEqual(['VPN_OVPN_REMOTES_TOO_MANY', 'a.ovpn:194:1: more than 64 remotes']);
  });
});

const SCRIPTS = ['up', 'down', 'route-up', 'route-pre-down', 'ipchange', 'tls-verify', 'plugin', 'client-connect'];
const space = fc.constantFrom(' ', '\t', '  ', ' \t ');
const quoting = fc.constantFrom(
  (word: string) => word,
  (word: string) => `"${word}"`,
  (word: string) => `'${word}'`,
  (word: string) => `--${word}`,
  (word: string) => `setenv opt ${word}`,
  (word: string) => `"setenv" 'opt' "${word}"`,
  (word: string) => `setenv opt setenv opt ${word}`,
);

describe('properties', () => {
  test('an option that runs programs is refused at its place, however it is written', () => {
    const good = read('good', 'inline.ovpn').toString('utf8').split('\n');
    const gaps = good.flatMap((_, index) => {
      const before = good.slice(0, index);
      const depth =
        before.filter((line) => /^<[^/]/.test(line)).length - before.filter((line) => /^<\//.test(line)).length;
      return depth === 0 ? [index] : [];
    });
    const property = fc.property(
      fc.constantFrom(...SCRIPTS),
      quoting,
      space,
      fc.constantFrom(...gaps),
      (script, quote, indent, gap) => {
        const profile = good.toSpliced(gap, 0, `${indent}${quote(script)}${indent}/tmp/x`).join('\n');
        const { code, what } = refusalOf(profile, 'a.ovpn');
        expect(code).toBe('VPN_OVPN_SCRIPT_REFUSED');
        expect(what).toMatch(new RegExp(`^a\\.ovpn:${gap + 1}:\\d+: ${script} is refused`));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test('words come out as they were put in, whatever their quotes', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9 #;'"\\/.-]{1,20}$/);
    const escaped = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
    const property = fc.property(fc.array(word, { minLength: 1, maxLength: 15 }), space, (words, gap) => {
      const { directives } = readDirectives(`name${gap}${words.map(escaped).join(gap)}`, 'a.ovpn');
      expect(directives[0]?.args.map(({ text }) => text)).toEqual(words);
    });
    fc.assert(property);
  });

  test('what stands in a block is no option', () => {
    const property = fc.property(fc.constantFrom(...SCRIPTS), (script) => {
      const { directives } = readDirectives(`<ca>\n${script} /tmp/x\n</ca>\nclient`, 'a.ovpn');
      expect(directives.map(({ name }) => name.text)).toEqual(['ca', 'client']);
    });
    fc.assert(property);
  });
});
