import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { jsonSchema, type LoadedConfig, loadConfig } from '../../../src/config/index.ts';
import { formatDuration, parseDuration, parseSizeMiB } from '../../../src/config/quantities.ts';
import type { VmgateError } from '../../../src/core/coded.ts';
import { faultOf } from '../faults.ts';
import { expectGolden } from '../golden.ts';
import { temporaryFolders } from '../home/temp-folder.ts';

const temporary = temporaryFolders();
const here = import.meta.dirname;

function write(folder: string, files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}

function load(main: string, local?: string): LoadedConfig {
  const folder = write(temporary(), {
    'vmgate.yaml': main,
    ...(local === undefined ? {} : { 'vmgate.local.yaml': local }),
  });
  return loadConfig(folder, '/no/home');
}

/** What a user sees, without the machine's folder. */
function render(error: VmgateError): string {
  const lines = [`${error.code} exit ${error.exit}`, error.what, ...error.evidence, `-> ${error.remedy}`];
  return lines.join('\n').replaceAll(/\/tmp\/vgt-\w+\//g, '');
}

const MINIMAL = 'version: 1\nvpn: office\n';

describe('a good configuration', () => {
  test('the smallest is completed with the defaults', () => {
    expect(load(MINIMAL).config).toEqual({
      version: 1,
      gate: 'default',
      vpn: ['office'],
      endpoint: { allowPrivate: false },
      verify: { exit: undefined, everyMs: 30_000, maxAgeMs: 60_000 },
      portal: { probe: 'http://connectivitycheck.gstatic.com/generate_204' },
      dns: { rebinding: 'allow' },
      notify: true,
      work: [],
    });
  });

  test('the whole, in plain units, paths absolute, in the order written', () => {
    const loaded = load(`
version: 1
gate: acme
vpn: acme
endpoint: {allowPrivate: true}
verify: {exit: {url: "http://intranet.acme.example/ip", expect: [10.20.0.0/16, "2001:db8::/32"]}, every: 20s, maxAge: 2m}
work:
  win: {disk: ~/vms/acme.qcow2, hardware: compat, memory: 4GiB, onLoss: pause}
  dev: {kernel: boot/vmlinuz, initramfs: /srv/initrd, append: "console=ttyS0", cpus: 2, egress: allow, autostart: true}
  web: {template: tiny}
`);
    const folder = path.dirname(loaded.path);
    expect(loaded.config).toMatchObject({
      gate: 'acme',
      endpoint: { allowPrivate: true },
      verify: {
        exit: { expect: { kind: 'address', prefixes: ['10.20.0.0/16', '2001:db8::/32'] } },
        everyMs: 20_000,
        maxAgeMs: 120_000,
      },
    });
    expect(loaded.config.work).toMatchObject([
      { name: 'win', source: { kind: 'disk', disk: path.join(os.homedir(), 'vms/acme.qcow2') }, memoryMiB: 4_096 },
      { name: 'dev', source: { kind: 'kernel', kernel: path.join(folder, 'boot/vmlinuz'), initramfs: '/srv/initrd' } },
      { name: 'web', source: { kind: 'template', template: 'tiny' }, cpus: 1, onLoss: 'block', memoryMiB: undefined },
    ]);
  });

  test('JSON fields as the expected exit', () => {
    const exit = '{exit: {url: "https://am.i.mullvad.net/json", expect: {json: {mullvad_exit_ip: true}}}}';
    expect(load(`${MINIMAL}verify: ${exit}\n`).config.verify.exit?.expect).toEqual({
      kind: 'json',
      fields: { mullvad_exit_ip: true },
    });
  });

  test('aliases are followed', () => {
    const { config } = load(`${MINIMAL}work: {a: &vm {template: tiny, cpus: 2}, b: *vm}\n`);
    expect(config.work.map(({ cpus }) => cpus)).toEqual([2, 2]);
  });
});

describe('where it is looked for', () => {
  test('the current folder before the home folder, never a folder above', () => {
    const home = write(temporary(), { 'vmgate.yaml': 'version: 1\nvpn: home\n' });
    const project = write(temporary(), { 'vmgate.yaml': MINIMAL });
    mkdirSync(path.join(project, 'below'));
    expect(loadConfig(project, home)).toMatchObject({ origin: 'project', config: { vpn: ['office'] } });
    expect(loadConfig(path.join(project, 'below'), home)).toMatchObject({ origin: 'home', config: { vpn: ['home'] } });
  });

  test('none at all', () => {
    const error = faultOf(() => loadConfig(temporary(), temporary()));
    expect(error).toMatchObject({ code: 'CONFIG_MISSING', exit: 2, remedy: 'vmgate init' });
  });

  test('a folder in its place, a file too large', () => {
    const folder = temporary();
    mkdirSync(path.join(folder, 'vmgate.yaml'));
    expect(faultOf(() => loadConfig(folder, folder)).what).toMatch(/it is not a file|EISDIR/);
    expect(faultOf(() => load(`${MINIMAL}#${'x'.repeat(66_000)}`)).what).toContain('larger than 64 KiB');
    expect(faultOf(() => load(`${MINIMAL}#${'x'.repeat(10_000_000)}`)).what).toContain('larger than 64 KiB');
  });

  test('bytes that are no UTF-8: another file could read the same', () => {
    const folder = temporary();
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc0, 0xaf]]) {
      writeFileSync(path.join(folder, 'vmgate.yaml'), Buffer.concat([Buffer.from(`${MINIMAL}# `), Buffer.from(bytes)]));
      expect(faultOf(() => loadConfig(folder, folder))).toMatchObject({
        code: 'CONFIG_UNREADABLE',
        what: expect.stringContaining('not UTF-8'),
      });
    }
    writeFileSync(path.join(folder, 'vmgate.yaml'), `${MINIMAL}# grün\n`);
    expect(loadConfig(folder, folder).config.vpn).toEqual(['office']);
  });
});

describe('the digest', () => {
  test('follows the meaning, not the spelling', () => {
    const one = load(`${MINIMAL}verify: {every: 30s, maxAge: 1m}\n`);
    const other = load('# comment\nverify: {maxAge: 60s}\nvpn: office\nversion: 1\n');
    expect(other.digest).toBe(one.digest);
    expect(other.sources[0]?.digest).not.toBe(one.sources[0]?.digest);
    expect(load(`${MINIMAL}verify: {maxAge: 61s}\n`).digest).not.toBe(one.digest);
  });

  test('covers the local file', () => {
    const loaded = load(MINIMAL, 'gate: mine\n');
    expect(loaded.digest).not.toBe(load(MINIMAL).digest);
    expect(loaded.sources.map((file) => path.basename(file.path))).toEqual(['vmgate.yaml', 'vmgate.local.yaml']);
  });
});

describe('vmgate.local.yaml', () => {
  test('personal values win', () => {
    const base = 'version: 1\nwork: {win: {template: tiny, cpus: 1}, web: {template: tiny}}\n';
    const { config } = load(base, 'vpn: mine\nwork: {win: {disk: /d.qcow2, memory: 2GiB}}\n');
    expect(config.vpn).toEqual(['mine']);
    expect(config.work).toMatchObject([
      { name: 'win', source: { kind: 'disk' }, cpus: 1, memoryMiB: 2_048 },
      { name: 'web', source: { kind: 'template' } },
    ]);
  });

  const exit = (prefix: string) => `verify: {exit: {url: "https://x.example", expect: [${prefix}]}}\n`;
  test.each([
    ['a private endpoint', '', 'endpoint: {allowPrivate: true}', 'endpoint.allowPrivate'],
    ['another expected exit', exit('10.0.0.0/8'), exit('11.0.0.0/8'), 'verify.exit'],
    ['an older verification', '', 'verify: {maxAge: 61s}', 'verify.maxAge'],
    ['rarer verification', 'verify: {every: 10s}', 'verify: {every: 11s}', 'verify.every'],
    ['a VM that runs on', 'work: {a: {template: tiny, onLoss: pause}}', 'work: {a: {onLoss: block}}', 'work.a.onLoss'],
    ['a VM that lives', 'work: {a: {template: tiny, onLoss: stop}}', 'work: {a: {onLoss: pause}}', 'work.a.onLoss'],
  ])('cannot allow %s', (_, base, local, key) => {
    const error = faultOf(() => load(`${MINIMAL}${base}\n`, `${local}\n`));
    expect(error).toMatchObject({ code: 'CONFIG_LOOSENS', exit: 2, payload: { issues: [{ key, line: 1 }] } });
    expect(error.what).toContain('vmgate.local.yaml:1:');
  });

  test.each([
    ['a public endpoint', 'endpoint: {allowPrivate: true}', 'endpoint: {allowPrivate: false}'],
    ['an expected exit', '', exit('10.0.0.0/8')],
    ['the same exit', exit('10.0.0.0/8'), exit('10.0.0.0/8')],
    ['a younger verification', '', 'verify: {every: 10s, maxAge: 20s}'],
    ['a VM that stands still', 'work: {a: {template: tiny}}', 'work: {a: {onLoss: pause}}'],
    ['a VM that is shut down', 'work: {a: {template: tiny, onLoss: pause}}', 'work: {a: {onLoss: stop}}'],
  ])('can ask for %s', (_, base, local) => {
    expect(load(`${MINIMAL}${base}\n`, `${local}\n`).config.vpn).toEqual(['office']);
  });

  test('faults of both together are told where they were written', () => {
    const error = faultOf(() => load(`${MINIMAL}verify: {every: 50s}\n`, 'gate: mine\nverify: {maxAge: 20s}\n'));
    expect(error.what).toMatch(/vmgate\.local\.yaml:2:10: maxAge \(20s\) is shorter than every \(50s\)/);
  });
});

describe('broken files', () => {
  const corpus = path.join(here, 'corpus');
  test.each(readdirSync(corpus).map((file) => path.parse(file).name))('%s', (name) => {
    const error = faultOf(() => load(readFileSync(path.join(corpus, `${name}.yaml`), 'utf8')));
    expect([error.code, error.exit]).toEqual(['CONFIG_INVALID', 2]);
    expectGolden(path.join(here, 'golden', `${name}.txt`), `${render(error)}\n`);
  });
});

test('the JSON Schema for editors', () => {
  expectGolden(path.join(here, 'golden', 'schema.json'), `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
});

test('quantities', () => {
  expect(['5ms', '30s', '2m', '1h', '30', '30 s', '-1s', '1.5s', '1d'].map(parseDuration)).toEqual([
    5,
    30_000,
    120_000,
    3_600_000,
    ...Array(5).fill(undefined),
  ]);
  expect([1_500, 30_000, 120_000, 3_600_000].map(formatDuration)).toEqual(['1500ms', '30s', '2m', '1h']);
  expect(['512MiB', '4GiB', '4GB', '4', '4 GiB'].map(parseSizeMiB)).toEqual([
    512,
    4_096,
    undefined,
    undefined,
    undefined,
  ]);
});
