import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { VmgateError } from '../../../../src/core/coded.ts';
import { detectKind } from '../../../../src/vpn/kinds.ts';
import { openconnectErrors } from '../../../../src/vpn/openconnect/codes.ts';
import { parseOpenConnect } from '../../../../src/vpn/openconnect/parse.ts';
import { readSettings } from '../../../../src/vpn/openconnect/syntax.ts';
import { faultOf } from '../../faults.ts';
import { expectGolden } from '../../golden.ts';
import { expectRefusals } from '../refusals.ts';
import { beside, folder, NOW, names, read } from './samples.ts';

const parse = (profile: Uint8Array | string, file: string) => parseOpenConnect(profile, file, beside, NOW);

function refusalOf(profile: Uint8Array | string, file: string): VmgateError {
  return faultOf(() => parse(profile, file));
}

describe('broken and hostile OpenConnect profiles', () => {
  test('each is refused with code, position and remedy', () => {
    const golden = path.join(folder('golden'), 'broken.txt');
    expectRefusals(golden, names('broken'), (name) => refusalOf(read('broken', name), name));
  });

  test('have every code that such a profile can cause', () => {
    const codes = names('broken').map((name) => refusalOf(read('broken', name), name).code);
    // Of the profile as a whole, plan.test.ts; of a server, session.test.ts.
    const elsewhere = ['VPN_OC_LOGIN_UNKNOWN', 'VPN_OC_USER_OTHER', 'VPN_OC_ROUTES_MISSING'];
    const servers = ['VPN_OC_ASKS_MORE', 'VPN_OC_HOST_CHECK', 'VPN_OC_ELSEWHERE', 'VPN_OC_BROWSER'];
    const shared = ['VPN_PROFILE_NOT_TEXT'];
    expect(new Set([...codes, ...elsewhere, ...servers])).toEqual(
      new Set([...shared, ...Object.keys(openconnectErrors)]),
    );
  });

  test.each(names('broken'))('%s: nothing of a key or password is quoted', (name) => {
    const profile = read('broken', name).toString('utf8');
    const said = JSON.stringify(refusalOf(profile, name).serialize());
    expect(said).not.toContain('sesame');
    for (const key of profile.match(/^[A-Za-z0-9+/]{24,}/gm) ?? []) expect(said).not.toContain(key.slice(0, 16));
  });
});

describe('good OpenConnect profiles', () => {
  test.each(names('good'))('%s is told from its content', (name) => {
    expect(detectKind(read('good', name), name)).toBe('openconnect');
  });

  test('a list of servers for another client is one too', () => {
    expect(detectKind(read('broken', 'xml-list.oc'), 'acme.xml')).toBe('openconnect');
  });

  test('notices', () => {
    const rendered = names('good').map((name) => {
      const { notices } = parse(read('good', name), name);
      return `== ${name}\n${notices.map(({ code, text }) => `${code} ${text}\n`).join('')}`;
    });
    expectGolden(path.join(folder('golden'), 'good.txt'), rendered.join('\n'));
  });
});

const SCRIPTS = ['script', 'script-tun', 'csd-wrapper', 'csd-user', 'force-trojan', 'external-browser'];
const separator = fc.constantFrom('', ' ', '=', ' = ', '\t', '=\t');
const indent = fc.constantFrom('', ' ', '\t', ' \t ');

describe('properties', () => {
  test('an option that runs programs is refused at its place, however it is written', () => {
    const good = read('good', 'pin.oc').toString('utf8').split('\n');
    const gaps = fc.integer({ min: 0, max: good.length });
    const property = fc.property(
      fc.constantFrom(...SCRIPTS),
      separator,
      indent,
      gaps,
      (script, between, space, gap) => {
        const value = between === '' ? '' : '/tmp/x';
        const profile = good.toSpliced(gap, 0, `${space}${script}${between}${value}`).join('\n');
        const { code, what } = refusalOf(profile, 'a.oc');
        expect(code).toBe('VPN_OC_SCRIPT_REFUSED');
        expect(what).toMatch(new RegExp(`^a\\.oc:${gap + 1}:${space.length + 1}: ${script} is refused`));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test('a value comes out as it was put in', () => {
    const value = fc.stringMatching(/^[a-zA-Z0-9#;'"\\/.-]([a-zA-Z0-9 #=;'"\\/.-]{0,20}[a-zA-Z0-9#=;'"\\/.-])?$/);
    const property = fc.property(
      value,
      fc.constantFrom(' ', '=', ' = ', '\t', '=\t'),
      indent,
      (text, between, space) => {
        const { settings } = readSettings(`${space}user${between}${text}  `, 'a.oc');
        expect(settings).toMatchObject([{ name: { text: 'user' }, value: { text } }]);
      },
    );
    fc.assert(property);
  });

  test('what stands in a block is no option', () => {
    const property = fc.property(fc.constantFrom(...SCRIPTS), (script) => {
      const { settings } = readSettings(`<cafile>\n${script} /tmp/x\n</cafile>\nno-dtls`, 'a.oc');
      expect(settings.map(({ name }) => name.text)).toEqual(['cafile', 'no-dtls']);
    });
    fc.assert(property);
  });
});
