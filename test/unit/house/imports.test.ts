import { describe, expect, test } from '@jest/globals';
import { type Import, importsOf, sources } from './sources.ts';

/** What each room may rest on at run time, besides itself. What is not here is not allowed. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  core: ['frame'],
  frame: [],
  host: ['core'],
  sensors: ['core', 'host'],
  home: ['core', 'host'],
  config: ['core', 'host', 'home'],
  template: ['core', 'host', 'config'],
  ssh: [],
  trust: ['core', 'host', 'home', 'ssh'],
  oci: ['core', 'host', 'home', 'ssh', 'trust'],
  vpn: ['core', 'host', 'home', 'config'],
  drivers: ['core', 'host', 'home', 'frame'],
  image: ['core', 'host', 'home'],
  gateway: ['core', 'host', 'ssh', 'image'],
  guard: ['core', 'host', 'frame'],
  evidence: ['core', 'host', 'home', 'frame'],
  portal: ['core', 'host'],
  proxy: ['core', 'host', 'home', 'frame'],
  verify: ['core', 'host', 'frame'],
  view: ['core', 'host', 'proxy'],
  work: ['core', 'host', 'home', 'config', 'drivers', 'ssh', 'image'],
  lab: ['core', 'host', 'home', 'frame', 'drivers', 'guard', 'image', 'supervisor', 'vpn'],
  demo: ['core', 'host', 'home', 'drivers', 'image', 'lab', 'vpn'],
  drill: ['core', 'host', 'home', 'frame', 'drivers', 'lab', 'demo', 'verify', 'config', 'evidence'],
  supervisor: [
    'core',
    'host',
    'home',
    'frame',
    'config',
    'drivers',
    'evidence',
    'gateway',
    'guard',
    'image',
    'portal',
    'sensors',
    'trust',
    'verify',
    'vpn',
    'work',
  ],
};

/** Rooms at the rim: they put the others together. */
const RIM = ['cli', 'main.ts', 'codes.ts'];

/** Doors beside a room's index.ts: the contracts, and files kept light for those who must not load the rest. */
const DOORS = [
  'src/drivers/driver.ts',
  'src/gateway/control.ts',
  'src/gateway/protocol.ts',
  'src/guard/guard.ts',
  'src/guard/protocol.ts',
  'src/home/layout.ts',
  'src/host/package.ts',
  'src/image/cpio.ts',
  'src/image/image.ts',
  'src/lab/pass.ts',
  'src/supervisor/client.ts',
  'src/supervisor/process.ts',
  'src/supervisor/protocol.ts',
  'src/vpn/tunnel-plan.ts',
];

/** Pure libraries: no I/O, no clock. */
const PURE_PACKAGES = ['zod', 'ip-address', 'dns-packet'];

/** Where a process may be started. Everything else goes through src/host run(). */
const SPAWNERS = [
  'src/host/run.ts',
  'src/guard/handle.ts',
  'src/supervisor/launch.ts',
  'src/drivers/qemu/machine.ts',
  // The user's own terminal goes to ssh.
  'src/cli/openssh.ts',
  // And to the command that is told of a proxy.
  'src/cli/run-through.ts',
  // A sign-in's browser.
  'src/portal/browser.ts',
  // A work VM's viewer.
  'src/view/viewer.ts',
];

const HEAVY = ['ssh2', 'dockerode', 'inquirer', '@inquirer/prompts', 'listr2'];

const all = sources();
const imports = all.flatMap(importsOf);
const roomOf = (target: string) => target.split('/')[1] ?? '';
const show = ({ from, target }: Import) => `${from.file} -> ${target}`;

describe('imports', () => {
  test('are seen at all', () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.some(({ typeOnly }) => typeOnly)).toBe(true);
  });

  /** What a room rests on: a type of a contract binds nothing. */
  const rests = imports.filter(({ from, target, typeOnly }) => {
    if (!target.startsWith('src/') || roomOf(target) === from.room || RIM.includes(from.room)) return false;
    return !(typeOnly && DOORS.includes(target));
  });

  test('a room rests only on those the table allows', () => {
    const wrong = rests.filter(({ from, target }) => !(MAY_USE[from.room] ?? []).includes(roomOf(target)));
    expect(wrong.map(show)).toEqual([]);
  });

  test('the table and the doors allow nothing that nobody needs', () => {
    const needed = new Set(rests.map(({ from, target }) => `${from.room} -> ${roomOf(target)}`));
    const allowed = Object.entries(MAY_USE).flatMap(([room, others]) => others.map((other) => `${room} -> ${other}`));
    expect(allowed.filter((each) => !needed.has(each))).toEqual([]);
    const entered = new Set(
      imports.filter(({ from, target }) => roomOf(target) !== from.room).map(({ target }) => target),
    );
    expect(DOORS.filter((door) => !entered.has(door))).toEqual([]);
  });

  test('another room is entered by its door', () => {
    const wrong = imports.filter(({ from, target }) => {
      const room = roomOf(target);
      if (!target.startsWith('src/') || room === from.room || room === 'core' || from.room === 'codes.ts') return false;
      if (from.room === 'main.ts' && room === 'cli') return false;
      return target !== `src/${room}/index.ts` && !DOORS.includes(target);
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test('of the lab, a gate knows the pass and nothing else', () => {
    const wrong = imports.filter(
      ({ from, target }) => from.room === 'supervisor' && roomOf(target) === 'lab' && target !== 'src/lab/pass.ts',
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('core and frame do no I/O', () => {
    const wrong = imports.filter(
      ({ from, target }) =>
        ['core', 'frame'].includes(from.room) && !target.startsWith('src/') && !PURE_PACKAGES.includes(target),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('core and frame know no clock, no chance, no environment', () => {
    // coded.ts: the default time of an event, for callers that have a clock.
    const allowed = ['src/core/coded.ts: new Date()'];
    const impure =
      /\b(Date\.now|new Date\(\)|Math\.random|performance\.|process\.|crypto\.|setTimeout|setInterval|globalThis)/g;
    const wrong = all
      .filter(({ room }) => room === 'core' || room === 'frame')
      .flatMap(({ file, text }) => [...withoutComments(text).matchAll(impure)].map(([what]) => `${file}: ${what}`));
    expect(wrong.filter((line) => !allowed.includes(line))).toEqual([]);
  });

  test('processes are started in these places only', () => {
    const wrong = imports.filter(
      ({ from, target }) => target.endsWith('child_process') && !SPAWNERS.includes(from.file),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('zod is imported as a namespace: its `z` brings every translation of its messages', () => {
    expect(all.filter(({ text }) => /^import \{.*from 'zod'/m.test(text)).map(({ file }) => file)).toEqual([]);
  });

  test('heavy libraries are loaded when they are needed, or behind a door that is', () => {
    const wrong = imports.filter(
      ({ from, target, typeOnly }) =>
        !typeOnly && HEAVY.includes(target) && !isLazy(from.text, target) && from.room !== 'gateway',
    );
    expect(wrong.map(show)).toEqual([]);
  });
});

function isLazy(text: string, target: string): boolean {
  return !new RegExp(`from '${target}'`).test(text.replaceAll(/^import type .*$/gm, ''));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '');
}
