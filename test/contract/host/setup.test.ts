import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findTool, installLine } from '../../../src/host/index.ts';

const repository = path.resolve(import.meta.dirname, '../../..');
/** What the script itself is made of; everything it looks for is a fake or absent. */
const SHELL = ['sh', 'dirname', 'sed', 'find', 'head', 'cat', 'touch', 'env', 'awk', 'df'];
const TOOLS = ['qemu-img', 'ssh', 'ssh-keygen', 'mmdebstrap', 'zstd', 'newuidmap'];

let machine: string;
beforeEach(() => {
  machine = mkdtempSync('/tmp/vgt-setup-');
  for (const folder of ['bin', 'clone/provision/host', 'clone/src', 'clone/node_modules', 'clone/dist']) {
    mkdirSync(path.join(machine, folder), { recursive: true });
  }
  cpSync(path.join(repository, 'provision/host/setup.sh'), path.join(machine, 'clone/provision/host/setup.sh'));
  for (const tool of SHELL) symlinkSync(findTool(tool) ?? '', path.join(machine, 'bin', tool));
  for (const file of ['package-lock.json', 'tsconfig.json', 'src/main.ts']) clone(file, '2026-01-01');
  for (const file of ['node_modules/.package-lock.json', 'dist/THIRD-PARTY-LICENSES']) clone(file, '2026-01-02');
  utimesSync(path.join(machine, 'clone/src'), new Date('2026-01-01'), new Date('2026-01-01'));
  writeFileSync(path.join(machine, 'debian'), 'ID=debian\n');
  for (const tool of TOOLS) fake(tool);
  fake('node', 'echo v20.19.0');
  fake('uname', 'case $1 in -s) echo Linux ;; -m) echo x86_64 ;; esac');
  fake('id', 'echo 1000');
  fake('qemu-system-x86_64', 'echo "QEMU emulator version 7.2.22 (Debian 1:7.2)"');
  fake('npm');
});
afterEach(() => rmSync(machine, { recursive: true, force: true }));

function clone(file: string, date: string): void {
  const target = path.join(machine, 'clone', file);
  writeFileSync(target, '');
  utimesSync(target, new Date(date), new Date(date));
}

/** An executable that notes its call in `calls`, then does `script`. */
function fake(name: string, script = ''): void {
  const file = path.join(machine, 'bin', name);
  // Some are links to this machine's own tools: written through, the fake would take the place of the real one.
  rmSync(file, { force: true });
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>${machine}/calls\n${script}\n`);
  chmodSync(file, 0o755);
}

function without(...names: string[]): void {
  for (const name of names) rmSync(path.join(machine, 'bin', name));
}

function setup(...argv: string[]) {
  const startedAt = performance.now();
  const system = ['--os-release', path.join(machine, 'debian')];
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['clone/provision/host/setup.sh', ...system, ...argv], {
    cwd: machine,
    env: { PATH: path.join(machine, 'bin') },
    encoding: 'utf8',
    input: '',
  });
  return { status, stdout, stderr, milliseconds: performance.now() - startedAt };
}

/** Calls of tools that change something. */
function changes(): string[] {
  const calls = readFileSync(path.join(machine, 'calls'), 'utf8').trim().split('\n');
  return calls.filter((call) => /^(npm|sudo|apt-get|dnf|pacman|brew) /.test(call) && !call.includes('--print-uris'));
}

describe('nothing missing', () => {
  test('says so, changes nothing, takes less than a second', () => {
    const check = setup('--check');
    expect(check).toMatchObject({ status: 0, stdout: '', stderr: 'node 20.19.0, debian, amd64\nno tool is missing\n' });
    expect(check.milliseconds).toBeLessThan(1_000);
    const done = setup();
    expect(done).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(done.milliseconds).toBeLessThan(1_000);
    expect(changes()).toEqual([]);
  });

  test('brings the clone up to date, and only then', () => {
    clone('package-lock.json', '2026-01-03');
    clone('src/main.ts', '2026-01-03');
    fake('npm', 'case $* in "run --silent build") touch dist/THIRD-PARTY-LICENSES ;; esac');
    expect(setup('--check').stderr).toContain('would run: npm ci --ignore-scripts\nwould run: npm run build\n');
    expect(changes()).toEqual([]);
    expect(setup()).toMatchObject({ status: 0 });
    expect(changes()).toEqual([
      'npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error',
      'npm run --silent build',
    ]);
    setup();
    expect(changes()).toHaveLength(2);
  });

  test('npm is not let loose on a disk without room: it would call half a folder a success', () => {
    clone('package-lock.json', '2026-01-03');
    fake(
      'df',
      `echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'; echo 'tmpfs 61440 8192 409600 13% /small'`,
    );
    expect(setup()).toMatchObject({ status: 3, stderr: expect.stringContaining('400 MB are free') });
    expect(changes()).toEqual([]);
    fake('df', 'exit 1');
    expect(setup()).toMatchObject({ status: 0 });
    expect(changes()).toHaveLength(1);
  });

  test('a failing build is a failure, and is tried again', () => {
    clone('src/main.ts', '2026-01-03');
    fake('npm', 'exit 2');
    expect(setup()).toMatchObject({ status: 1 });
    expect(setup()).toMatchObject({ status: 1 });
  });
});

describe('Node', () => {
  test.each([
    ['none', undefined, 'there is none in PATH'],
    ['an older one', 'echo v18.20.4', 'this is 18.20.4'],
    ['one just too old', 'echo v20.18.9', 'this is 20.18.9'],
    ['one that is broken', 'exit 127', 'does not tell its version'],
    ['one that talks nonsense', 'echo "v20; rm -rf"', 'does not tell its version'],
  ])('%s: exit 3 with the remedy, before npm is touched', (_, script, why) => {
    if (script === undefined) without('node');
    else fake('node', script);
    clone('package-lock.json', '2026-01-03');
    const result = setup();
    expect(result.status).toBe(3);
    expect(result.stderr).toContain(`vmgate needs Node 20.19 or newer; ${why}`.replace('; does', '; this one does'));
    expect(result.stderr).toContain('Debian 12 (18)');
    expect(changes()).toEqual([]);
  });

  test.each([['setup'], ['report', '--check']])(
    'without npm, as Debian has it, %s: exit 3, nothing installed',
    (_, ...argv) => {
      without('npm', 'qemu-img');
      fake('apt-get');
      expect(setup(...argv)).toMatchObject({ status: 3, stderr: expect.stringContaining('npm is not.\nInstall it:') });
      expect(changes()).toEqual([]);
    },
  );

  test.each(['v20.19.0', 'v22.1.0', 'v26.10.0'])('%s will do', (version) => {
    fake('node', `echo ${version}`);
    expect(setup('--check').status).toBe(0);
  });
});

describe('missing tools', () => {
  beforeEach(() => {
    without('qemu-img', 'qemu-system-x86_64');
    fake('apt-cache');
    fake('apt-get', `case "$*" in *--print-uris*) echo "'http://x' a.deb 85000000 SHA256:x" ;; esac`);
  });
  const UPDATE = 'apt-get update -q -o APT::Update::Error-Mode=any';
  const line = 'apt-get install --no-install-recommends -y -o DPkg::Lock::Timeout=300 qemu-utils qemu-system-x86';

  test('are only reported by --check', () => {
    const result = setup('--check');
    expect(result.status).toBe(3);
    expect(result.stderr).toContain(`missing: qemu-img qemu-system-x86_64\nwould run: ${line}\n`);
    expect(changes()).toEqual([]);
  });

  test('root installs without sudo, after saying what and how much', () => {
    fake('id', 'echo 0');
    expect(setup()).toMatchObject({ status: 0 });
    expect(setup().stderr).toContain(`Will run: ${line} (85 MB to download, about a minute)\n`);
    expect(changes()[0]).toBe(line);
  });

  test('a user with sudo uses it', () => {
    fake('sudo', '[ "$1" = -n ] && exit; exec "$@"');
    expect(setup()).toMatchObject({ status: 0 });
    expect(changes()).toEqual(['sudo -n true', `sudo env DEBIAN_FRONTEND=noninteractive LC_ALL=C ${line}`, line]);
  });

  test('a user without sudo gets the line for an administrator', () => {
    const result = setup();
    expect(result.status).toBe(3);
    expect(result.stderr).toContain('there is no sudo');
    expect(result.stderr).toContain(`\n    ${line}\n`);
    expect(changes()).toEqual([]);
  });

  test('who has no package lists yet either: both lines', () => {
    fake('apt-cache', 'exit 100');
    expect(setup().stderr).toContain(`\n    apt-get update && ${line}\n`);
  });

  test('sudo that wants a password nobody can type: the same', () => {
    fake('sudo', 'exit 1');
    const result = setup();
    expect(result.status).toBe(3);
    expect(result.stderr).toContain(`\n    ${line}\n`);
  });

  test('apt-get update runs when apt does not know a package yet', () => {
    fake('id', 'echo 0');
    fake('apt-cache', 'exit 100');
    expect(setup()).toMatchObject({ status: 0 });
    expect(changes()).toEqual([UPDATE, line]);
  });

  test('lists older than the mirror: one more try with fresh ones', () => {
    fake('id', 'echo 0');
    fake('apt-get', `case "$*" in update*) touch ${machine}/fresh ;; *-y*) [ -e ${machine}/fresh ] ;; esac`);
    expect(setup()).toMatchObject({ status: 0 });
    expect(changes()).toEqual([line, UPDATE, line]);
  });

  test('what cannot be installed ends in exit 3 with the line', () => {
    fake('id', 'echo 0');
    fake('apt-get', 'echo "E: Unable to locate package qemu-utils"; exit 100');
    expect(setup()).toMatchObject({ status: 3, stderr: expect.stringContaining(`    ${line}`) });
    expect(setup().stderr).toContain('\n  E: Unable to locate package qemu-utils\n');
    expect(setup().stderr).not.toContain('administrator');
  });

  test('what apt prints is shown only where it fails, the end of it', () => {
    fake('id', 'echo 0');
    const chatter =
      'for n in $(printf "%s " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16); do echo "Unpacking p$n ..."; done';
    fake('apt-get', `case "$*" in *--print-uris*) ;; *) ${chatter} ;; esac`);
    expect(setup()).toMatchObject({ status: 0, stderr: expect.not.stringContaining('Unpacking') });
    fake('apt-get', `${chatter}; echo 'E: no space left'; exit 100`);
    const { stderr } = setup();
    expect(stderr).toContain('  Unpacking p16 ...\n  E: no space left\n');
    expect(stderr).not.toContain('Unpacking p1 ');
  });

  test.each([
    ['Fedora', 'ID=fedora', 'dnf install -y --setopt=install_weak_deps=False qemu-img qemu-system-x86-core'],
    ['a relative of RHEL', 'ID="rocky"\nID_LIKE="rhel centos fedora"', 'dnf install'],
    ['Arch', 'ID=arch', 'pacman -S --needed --noconfirm qemu-img qemu-base'],
    ['a relative of Debian', 'ID=linuxmint\nID_LIKE="ubuntu debian"', 'apt-get install'],
  ])('%s has its own packages', (_, release, expected) => {
    writeFileSync(path.join(machine, 'debian'), `${release}\n`);
    expect(setup('--check').stderr).toContain(`would run: ${expected}`);
  });

  test('macOS installs with Homebrew, never as root', () => {
    fake('uname', 'case $1 in -s) echo Darwin ;; -m) echo arm64 ;; esac');
    fake('brew');
    expect(setup()).toMatchObject({ status: 0 });
    expect(changes()).toEqual(['brew install qemu']);
  });

  test('a system nobody here knows', () => {
    writeFileSync(path.join(machine, 'debian'), 'ID=plan9\n');
    expect(setup()).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('Install: qemu-img qemu-system-x86_64'),
    });
  });
});

test('QEMU older than 7.2 is refused', () => {
  fake('qemu-system-x86_64', 'echo "QEMU emulator version 6.2.0 (Debian 1:6.2+dfsg-2ubuntu6)"');
  expect(setup('--check').status).toBe(3);
  expect(setup()).toMatchObject({ status: 3, stderr: expect.stringContaining('QEMU 6.2 is too old') });
});

test('an unknown option', () => {
  expect(setup('--yes')).toMatchObject({ status: 2 });
});

test('src/host/platform.ts names the same packages', () => {
  const script = readFileSync(path.join(repository, 'provision/host/setup.sh'), 'utf8');
  const rows = [...script.matchAll(/^\t\t(\S+)((?: +\S+){4})$/gm)].map(([, tool = '', names = '']) => ({
    tool,
    names: names.trim().split(/ +/),
  }));
  expect(rows.length).toBeGreaterThan(8);
  const platform = { os: 'linux', arch: 'amd64', name: '' } as const;
  const families = ['debian', 'fedora', 'arch', 'macos'] as const;
  for (const { tool, names } of rows.filter((row) =>
    ['qemu-img', 'ssh', 'ssh-keygen', 'mmdebstrap', 'zstd', 'nft'].includes(row.tool),
  )) {
    for (const [index, family] of families.entries()) {
      const line = installLine(tool, { ...platform, family }, true);
      const name = names[index];
      if (name === '-') expect(line).toContain(`install ${tool} with`);
      else expect(line.split(' ').at(-1)).toBe(name);
    }
  }
});
