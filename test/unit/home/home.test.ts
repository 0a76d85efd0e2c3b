import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openGate, openHome } from '../../../src/home/index.ts';
import { type FolderFacts, judgeStep } from '../../../src/home/safe-folder.ts';
import { longestSocketPath, shortNameOf } from '../../../src/home/short-path.ts';
import { faultOf } from '../faults.ts';
import { temporaryFolders } from './temp-folder.ts';

const temporary = temporaryFolders();
const me = process.getuid?.() ?? 0;

function modeOf(file: string): number {
  return statSync(file).mode & 0o777;
}

describe('openHome', () => {
  test('makes a private home, whatever the umask was', () => {
    process.umask(0);
    const home = openHome({ VMGATE_HOME: path.join(temporary(), 'a', 'b') });
    expect(process.umask()).toBe(0o077);
    for (const folder of [home.root, home.vpn, home.keys, home.images, home.gates]) expect(modeOf(folder)).toBe(0o700);
    const gate = openGate(home, 'default');
    for (const folder of [gate.folder, gate.run, gate.wires]) expect(modeOf(folder)).toBe(0o700);
  });

  test('closes an older home that others could read', () => {
    const root = path.join(temporary(), 'home');
    mkdirSync(root);
    chmodSync(root, 0o755);
    openHome({ VMGATE_HOME: root });
    expect(modeOf(root)).toBe(0o700);
  });

  test('does not shut a folder that others use, as /tmp would be for root', () => {
    const root = path.join(temporary(), 'tmp');
    mkdirSync(root);
    chmodSync(root, 0o1777);
    expect(faultOf(() => openHome({ VMGATE_HOME: root }))).toMatchObject({ code: 'HOME_UNSAFE', exit: 2 });
    chmodSync(root, 0o755);
    writeFileSync(path.join(root, 'of others'), '');
    const error = faultOf(() => openHome({ VMGATE_HOME: root }));
    expect(error).toMatchObject({ code: 'HOME_UNSAFE', remedy: expect.stringContaining(path.join(root, 'vmgate')) });
    expect(modeOf(root)).toBe(0o755);
    expect(openHome({ VMGATE_HOME: path.join(root, 'vmgate') }).root).toBe(path.join(root, 'vmgate'));
  });

  test.each([
    ['the home itself', (root: string) => root],
    ['its parent', (root: string) => path.dirname(root)],
  ])('refuses when %s can be written by others', (_, which) => {
    const root = path.join(temporary(), 'parent', 'home');
    mkdirSync(root, { recursive: true });
    chmodSync(which(root), 0o777);
    const error = faultOf(() => openHome({ VMGATE_HOME: root }));
    expect(error).toMatchObject({ code: 'HOME_UNSAFE', exit: 2, remedy: `chmod go-w ${which(root)}` });
    chmodSync(which(root), 0o700);
    expect(openHome({ VMGATE_HOME: root }).root).toBe(root);
  });

  test('looks behind symbolic links', () => {
    const base = temporary();
    mkdirSync(path.join(base, 'open', 'home'), { recursive: true });
    chmodSync(path.join(base, 'open'), 0o777);
    symlinkSync(path.join(base, 'open', 'home'), path.join(base, 'link'));
    expect(faultOf(() => openHome({ VMGATE_HOME: path.join(base, 'link') })).code).toBe('HOME_UNSAFE');
  });

  test('a file in its place, a place that cannot be written', () => {
    const file = path.join(temporary(), 'file');
    writeFileSync(file, '');
    expect(faultOf(() => openHome({ VMGATE_HOME: file })).what).toContain('is not a folder');
    const link = path.join(temporary(), 'dangling');
    symlinkSync('/no/such/place', link);
    expect(faultOf(() => openHome({ VMGATE_HOME: link }))).toMatchObject({ code: 'HOME_UNUSABLE', exit: 2 });
  });
});

describe('judging the way to the home folder', () => {
  const folder = (uid: number, mode: number): FolderFacts => ({ uid, mode, kind: 'folder' });
  test.each([
    ['ours', folder(1000, 0o755), undefined],
    ["root's", folder(0, 0o755), undefined],
    ["root's sticky /tmp", folder(0, 0o1777), undefined],
    ["another user's", folder(1001, 0o755), 'belongs to another user (uid 1001)'],
    ["another user's sticky one", folder(1001, 0o1777), 'belongs to another user (uid 1001)'],
    ['writable by the group', folder(1000, 0o775), 'can be written by other users'],
    ['writable by all', folder(0, 0o757), 'can be written by other users'],
    ['a link of ours', { uid: 1000, mode: 0o777, kind: 'link' } as const, undefined],
    ["another user's link", { uid: 1001, mode: 0o777, kind: 'link' } as const, 'belongs to another user (uid 1001)'],
    ['a file', { uid: 1000, mode: 0o600, kind: 'other' } as const, 'is not a folder'],
  ])('%s', (_, facts, why) => {
    expect(judgeStep('/x', facts, 1000)?.why).toBe(why);
  });
});

describe('a home too long for socket paths', () => {
  const long = () => {
    const root = path.join(temporary(), 'x'.repeat(90));
    mkdirSync(root, { mode: 0o700 });
    return root;
  };

  test('gets a short name that leads to it and that sockets can be bound under', async () => {
    const root = long();
    const home = openHome({ VMGATE_HOME: root });
    expect(home.root).not.toBe(root);
    expect(longestSocketPath(home.root)).toBeLessThanOrEqual(103);
    const gate = openGate(home, 'g'.repeat(24));
    const socket = path.join(gate.work('w'.repeat(24)), 'console.sock');
    mkdirSync(path.dirname(socket), { recursive: true });
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    server.close();
    expect(statSync(path.join(root, 'gates', 'g'.repeat(24))).isDirectory()).toBe(true);
    rmSync(path.dirname(home.root), { recursive: true });
  });

  test('keeps its name, and gets a new one when /tmp was wiped or the place was taken by somebody else', () => {
    const root = long();
    const first = shortNameOf(root, undefined, me);
    expect(shortNameOf(root, undefined, me)).toBe(first);
    chmodSync(path.dirname(first), 0o755);
    const second = shortNameOf(root, undefined, me);
    expect(second).not.toBe(first);
    rmSync(path.dirname(second), { recursive: true });
    const third = shortNameOf(root, undefined, me);
    expect([first, second]).not.toContain(third);
    expect(readFileSync(path.join(root, 'short-path'), 'utf8')).toBe(third);
    for (const name of [first, third]) rmSync(path.dirname(name), { recursive: true });
  });

  test('prefers the runtime folder, if that is private', () => {
    const root = long();
    const runtime = temporary();
    expect(path.dirname(shortNameOf(root, runtime, me))).toBe(runtime);
    chmodSync(runtime, 0o755);
    const elsewhere = shortNameOf(root, runtime, me);
    expect(path.dirname(elsewhere)).not.toBe(runtime);
    rmSync(path.dirname(elsewhere), { recursive: true });
  });
});
