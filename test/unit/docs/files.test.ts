/** docs/files-on-disk.md against the layout, the names in the sources, and a home folder in use. */
import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { SOCKETS } from '../../../src/drivers/qemu/argv.ts';
import { acquireLock, Journal, openGate, openHome, writeFileAtomic } from '../../../src/home/index.ts';
import { layoutOf } from '../../../src/home/layout.ts';
import { fetchTemplate } from '../../../src/oci/index.ts';
import { wireOf } from '../../../src/supervisor/wires.ts';
import { installationKey } from '../../../src/trust/index.ts';
import { claimKey } from '../../../src/vpn/in-use.ts';
import { addProfile } from '../../../src/vpn/index.ts';
import { sshSeed } from '../../../src/work/ssh-access.ts';
import { attach, publish, StandRegistry, TestSigner } from '../oci/stand.ts';
import { textOf } from './documents.ts';

const rows = new Map(
  [...textOf('docs/files-on-disk.md').matchAll(/^\| `([^`]+)` \| (\S+) \|/gm)].map(([, name = '', mode = '']) => [
    name,
    mode,
  ]),
);

const STANDS_FOR: Readonly<Record<string, string>> = {
  GATE: '[a-z][a-z0-9-]*',
  VM: '[a-z][a-z0-9-]*',
  PROFILE: '[a-z0-9][a-z0-9-]*',
  DIGEST: '[0-9a-f]{64}',
  ID: '[\\w-]+',
  LINK: '(work\\d+|probe0)',
};

/** The row that explains `name`, a path below the home folder; folders end in a slash. */
function rowOf(name: string): string | undefined {
  return [...rows.keys()].find((row) => {
    const pattern = row.replaceAll('.', '\\.').replaceAll(/\b[A-Z]+\b/g, (word) => STANDS_FOR[word] ?? word);
    return new RegExp(`^${pattern}$`).test(name);
  });
}

describe('every name in the sources has a row', () => {
  const root = '/h';
  const home = layoutOf(root);
  const gate = home.gate('acme');
  const flat = (layout: object) => Object.values(layout).filter((value): value is string => typeof value === 'string');
  const { probeIn, probeOut, qmp, serial, control, outgoing, released, console: serialConsole } = SOCKETS;
  const named = [
    ...flat(home).filter((file) => file !== root),
    ...flat(gate),
    gate.work('web'),
    ...[qmp, serial, control, outgoing, released, probeIn, probeOut].map((name) => path.join(gate.run, name)),
    ...[qmp, serialConsole].map((name) => path.join(gate.work('web'), name)),
    ...Object.values(wireOf(gate, 'work0')),
    ...Object.values(wireOf(gate, 'probe0')),
  ].map((file) => path.relative(root, file));

  test.each(named)('%s', (name) => {
    expect(rowOf(name) ?? rowOf(`${name}/`)).toBeDefined();
  });
});

/** From a registry in this process. */
async function pulledTemplate(store: string): Promise<void> {
  const registry = await StandRegistry.start();
  try {
    const lead = new TestSigner();
    const digest = publish(registry, '3');
    attach(registry, digest, lead.sign(digest));
    const dockerConfig = '/nonexistent/config.json';
    const reference = `${registry.host}/team/dev:3`;
    await fetchTemplate(reference, lead.trustedFor(`${registry.host}/team/dev`), { store, dockerConfig });
  } finally {
    await registry.stop();
  }
}

describe('a home folder in use', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'vgf-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('holds nothing that is not explained, with the modes that are said', async () => {
    const umask = process.umask();
    try {
      await fill();
    } finally {
      process.umask(umask);
    }
    const found = readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const mode = `0${(lstatSync(file).mode & 0o777).toString(8)}`;
      return { name: `${path.relative(root, file)}${entry.isDirectory() ? '/' : ''}`, mode };
    });
    // What is inside a lock is explained in the text.
    const explained = found.filter(({ name }) => !/lock\/./.test(name));
    expect(explained.length).toBeGreaterThan(25);
    expect(explained.filter(({ name }) => rowOf(name) === undefined)).toEqual([]);
    expect(explained.filter(({ name, mode }) => rows.get(rowOf(name) ?? '') !== mode)).toEqual([]);
  });

  /** As commands and supervisor do it, without a VM. */
  async function fill(): Promise<void> {
    const home = openHome({ VMGATE_HOME: root });
    const gate = openGate(home, 'acme');
    (await acquireLock(gate.lock)).release();
    await writeFileAtomic(gate.origin, '/p/vmgate.yaml\n');
    new Journal(gate.journal).close();
    await installationKey(home.keys);
    const profile = path.join(import.meta.dirname, '../vpn/profiles/full.conf');
    const { publicKey } = await addProfile(home.vpn, 'acme', profile, { split: false, dns: [] });
    (await claimKey(home.vpn, publicKey, 'acme')).release();
    await sshSeed(gate.work('web'), 'web');
    writeFileSync(home.recent, '', { mode: 0o600 });
    await pulledTemplate(home.templates);
  }
});
