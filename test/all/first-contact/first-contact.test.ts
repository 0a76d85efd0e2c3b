/**
 * Somebody meets vmgate for the first time, in a bare Debian: too old a Node, no administrator, no network, no room, and
 * at last the demo. What they read on the way says what to do.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { RunResult } from '../../../src/host/index.ts';
import { describeUnless, missing, notRoot } from '../../obstacle.ts';
import { BareSystem, USER } from './bare-system.ts';

jest.setTimeout(30 * 60_000);

const CLONE = 'my tools/vmgate';
const VMGATE = 'node dist/main.js';
const PROFILE = 'test/unit/vpn/profiles/full.conf';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync('/var/tmp/vmgate-contact-');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const outcome = ({ code, stdout, stderr }: RunResult) => ({ code, said: stdout + stderr });
const says = (text: string) => expect.stringContaining(text);

describeUnless(notRoot() ?? missing('mmdebstrap', 'unshare', 'setpriv', 'apt-config', 'git', 'npm'), 'first contact')(
  'in a bare Debian',
  () => {
    describe.each([
      { suite: 'bookworm', ownNode: '18.' },
      { suite: 'trixie', ownNode: undefined },
    ])('$suite', ({ suite, ownNode }) => {
      let system: BareSystem;
      let forAdministrator = '';
      beforeAll(async () => {
        system = await BareSystem.make(suite, folder);
        await system.clone(CLONE);
      });
      afterAll(() => system?.remove());

      const here = { as: USER, folder: CLONE } as const;
      const ann = async (line: string, more = {}) => outcome(await system.type({ ...here, ...more }, line));

      test('no Node: which one, and from where', async () => {
        expect(await ann('sh provision/host/setup.sh')).toEqual({ code: 3, said: says('there is none in PATH') });
      });

      const ofOldNode = async () => {
        await system.type({ as: 'root' }, 'apt-get update -q && apt-get install --no-install-recommends -qqy nodejs');
        const { code, said } = await ann('sh provision/host/setup.sh');
        expect(code).toBe(3);
        expect(said).toContain(`vmgate needs Node 20.19 or newer; this is ${ownNode}`);
        expect(said).toContain('https://nodejs.org');
      };
      // trixie's is recent enough.
      if (ownNode !== undefined) test("the system's own Node is too old, and has no npm", ofOldNode);

      test('no administrator: exit 3, nothing changed, and the line for one; it does what it says', async () => {
        system.bringNode();
        const { code, said } = await ann('npm run demo');
        expect(code).toBe(3);
        expect(said).toContain('you are not root and there is no sudo');
        forAdministrator = /^ {4}(apt-get .*)$/m.exec(said)?.[1] ?? '';
        expect(forAdministrator).toMatch(/mmdebstrap .*qemu-system-\w+ uidmap$/);
        expect(await ann('ls node_modules dist')).toMatchObject({ code: 2 });
        const offline = outcome(
          await system.type({ as: 'root', network: false }, `cd '/home/${USER}/${CLONE}' && npm run demo`),
        );
        expect(offline).toEqual({ code: 3, said: says('This needs a network, once') });
        expect(offline.said).not.toContain('administrator');
        expect(await system.type({ as: 'root' }, forAdministrator)).toMatchObject({ code: 0 });
      });

      test('no network, no room: npm is not half done', async () => {
        expect(await ann('npm run demo', { network: false })).toEqual({
          code: 1,
          said: says('It needs a network, once'),
        });
        expect(await ann('cp -r . /small/clone && cd /small/clone && npm run demo')).toEqual({
          code: 3,
          said: says('MB are free'),
        });
      });

      test('the demo, as a user, in a folder with a space, without ps and without locales', async () => {
        const { code, said } = await ann('! command -v ps && npm run demo');
        expect({ code, said }).toMatchObject({ code: 0 });
        expect(said.match(/^ {2}seen: /gm)).toHaveLength(8);
        expect(said).toContain('npm_config_prefix=~/.local npm link');
        expect(said).not.toMatch(/locale|perl: warning/);
      });

      test('the command, as the demo says who is not root gets it; nothing is missing any more', async () => {
        const { code, said } = await ann('npm_config_prefix=~/.local npm link && cd && ~/.local/bin/vmgate --version');
        expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/^\d+\.\d+\.\d+$/m) });
        expect(await ann('sh provision/host/setup.sh --check', { network: false })).toEqual({
          code: 0,
          said: says('no tool is missing'),
        });
      });

      test.each([
        { ground: 'a home that cannot be written', home: '/proc/ann', code: 2, fault: 'HOME_UNUSABLE' },
        { ground: "somebody else's home", home: '/etc', code: 2, fault: 'HOME_UNSAFE' },
        { ground: 'a home that everybody shares', home: '/tmp', code: 2, fault: 'HOME_UNSAFE' },
        { ground: 'a home with no room', home: '/small/home', code: 3, fault: 'IMAGE_NO_SPACE' },
        { ground: 'no network', home: '/tmp/fresh', code: 3, fault: 'IMAGE_DOWNLOAD_FAILED' },
      ])('$ground: $fault, exit $code', async ({ home, code, fault }) => {
        const built = await ann(`${VMGATE} image build gateway`, { network: false, env: { VMGATE_HOME: home } });
        expect(built).toEqual({ code, said: says(`error ${fault}`) });
        expect(built.said).toMatch(/^ {2}next: \S/m);
      });

      describe.each([
        { what: 'no QEMU', qemu: undefined, fault: 'HOST_TOOL_MISSING' },
        { what: 'QEMU too old', qemu: 'QEMU emulator version 6.2.0 (Debian 1:6.2)', fault: 'DRIVER_QEMU_TOO_OLD' },
      ])('$what', ({ qemu, fault }) => {
        const program = () =>
          path.join(system.root, 'usr/bin', process.arch === 'x64' ? 'qemu-system-x86_64' : 'qemu-system-aarch64');
        beforeAll(() => {
          renameSync(program(), `${program()}.away`);
          if (qemu !== undefined) writeFileSync(program(), `#!/bin/sh\necho '${qemu}'\n`, { mode: 0o755 });
        });
        afterAll(() => renameSync(`${program()}.away`, program()));

        test(`up: ${fault}, exit 3, the gate is down`, async () => {
          const { said } = await ann(
            `${VMGATE} init --force --vpn-file ${PROFILE} && ${VMGATE} up; echo "up: $?"; ${VMGATE} status`,
            { network: false },
          );
          expect(said).toContain(`error ${fault}`);
          expect(said).toContain('next: sudo apt-get install --no-install-recommends -y qemu-system-');
          expect(said).toContain('up: 3\n');
          expect(said).toContain('gate default is down');
          await ann(`${VMGATE} vpn remove full`);
        });
      });
    });
  },
);
