/**
 * A real QEMU that shows the screen of a work VM, and one more thing each time that must not be there: what it says of
 * itself is refuted. The same machine without it is verified, so that each refusal is that thing's.
 *
 * @leakCase 50 none: a real hypervisor with a clipboard's agent, SPICE, a second VNC server, USB redirection, sound or a
 *   second graphics card beside the screen is found out by its own answers
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { judgeDefinition } from '../../../src/core/definition.ts';
import type { MachineFacts } from '../../../src/core/machine-facts.ts';
import { workArgv } from '../../../src/drivers/qemu/argv.ts';
import { readFacts } from '../../../src/drivers/qemu/facts.ts';
import { Installation } from '../../../src/drivers/qemu/installation.ts';
import { Machine } from '../../../src/drivers/qemu/machine.ts';
import { hasWindow } from '../../../src/drivers/qemu/window.ts';
import { QemuWorkHost } from '../../../src/drivers/qemu/work-host.ts';
import { run } from '../../../src/host/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { Stand } from './stand.ts';

let stand: Stand;
beforeEach(async () => {
  stand = await Stand.build();
});
afterEach(() => stand.clear());

const installation = new Installation({ forcedAccel: 'tcg' });

async function factsWith(...more: readonly string[]): Promise<MachineFacts> {
  const qemu = await installation.find('amd64');
  const spec = stand.workSpec({ display: 'vnc' });
  const argv = [...workArgv(spec, qemu), ...more];
  const machine = await Machine.launch({ ...qemu, label: 'work VM web', folder: spec.folder, argv });
  try {
    return await readFacts(machine.qmp, 'web');
  } finally {
    await machine.kill();
  }
}

const judge = (facts: MachineFacts) => judgeDefinition(stand.workSpec({ display: 'vnc' }), facts);

/** Needs a part of QEMU that is not in every build. */
const unlessBuilt = /module .* not found|is not a valid|not found|invalid option|does not accept|Driver .* not/;

describeUnless(missing('qemu-system-x86_64'), 'the screen of a real QEMU')('a screen beside', () => {
  test('anti-test, case 50: nothing else is verified', async () => {
    expect(judge(await factsWith())).toMatchObject({ outcome: 'verified' });
  });

  describe('is refuted, case 50:', () => {
    test.each<[string, readonly string[], string]>([
      [
        "a clipboard's agent",
        [
          ...['-chardev', 'qemu-vdagent,id=agent,clipboard=on', '-device', 'virtio-serial-pci'],
          ...['-device', 'virtserialport,chardev=agent,name=com.redhat.spice.0'],
        ],
        'character device agent leads to qemu-vdagent',
      ],
      ['SPICE', ['-spice', 'unix=on,addr=SPICE,disable-ticketing=on'], 'its screen can be seen by spice'],
      ['a second VNC server on a port', ['-vnc', '127.0.0.1:0,to=99,id=two'], 'its screen can be seen by vnc'],
      ['a second VNC server on a socket', ['-vnc', 'unix:TWO,id=two'], 'its screen can be seen by vnc unix'],
      [
        'USB redirection',
        [
          '-device',
          'qemu-xhci',
          '-chardev',
          'socket,id=usb,path=USB,server=on,wait=off',
          '-device',
          'usb-redir,chardev=usb',
        ],
        'unexpected device: usb-redir',
      ],
      ['sound', ['-device', 'intel-hda', '-device', 'hda-duplex'], 'unexpected device: hda-duplex'],
      ['a second graphics card', ['-device', 'secondary-vga'], 'unexpected device: secondary-vga'],
      ['a second pointer', ['-device', 'virtio-mouse-pci'], 'unexpected device: virtio-mouse-pci'],
    ])('%s', async (_, extra, named) => {
      const at = extra.map((argument) =>
        argument.replace(/SPICE|TWO|USB(?=,)/, (name) => stand.at('web', `${name.toLowerCase()}.sock`)),
      );
      const facts = await factsWith(...at).catch((cause: unknown) => cause as Error);
      if (facts instanceof Error) {
        const { evidence = [] } = facts as { readonly evidence?: readonly string[] };
        // A build without it cannot have it; anything else is a failure.
        expect([facts.message, ...evidence].join('\n')).toMatch(unlessBuilt);
        return;
      }
      const verdict = judge(facts);
      expect(verdict.outcome).toBe('refuted');
      expect(verdict.evidence.join('\n')).toContain(named);
    });
  });
});

const DESKTOP = ':96';
describeUnless(missing('Xvfb', 'xwininfo', 'qemu-system-x86_64') ?? (await noWindows()), "QEMU's own window")(
  "QEMU's own window",
  () => {
    /** The sandbox stays on: a QEMU that may start programs would not need what is tried here. */
    test('opens on a desktop, inside the sandbox, and is what was asked for', async () => {
      const desktop = spawn('Xvfb', [DESKTOP, '-screen', '0', '1400x1000x24', '-nolisten', 'tcp'], { stdio: 'ignore' });
      const before = process.env['DISPLAY'];
      try {
        await until(async () => existsSync('/tmp/.X11-unix/X96'));
        process.env['DISPLAY'] = DESKTOP;
        const spec = stand.workSpec({ display: 'window' });
        const work = await stand.start(new QemuWorkHost(installation), spec);
        expect(judgeDefinition(spec, await work.facts())).toMatchObject({ outcome: 'verified' });
        expect(judgeDefinition(stand.workSpec(), await work.facts())).toMatchObject({ outcome: 'refuted' });
        await until(async () => (await windows()).includes('QEMU (vmgate-web)'));
        await work.resume();
        await expect(work.facts()).resolves.toMatchObject({ status: 'running' });
        await work.kill();
        await until(async () => !(await windows()).includes('QEMU'));
      } finally {
        if (before === undefined) delete process.env['DISPLAY'];
        else process.env['DISPLAY'] = before;
        desktop.kill();
      }
    });
  },
);

async function noWindows(): Promise<string | undefined> {
  if (missing('qemu-system-x86_64') !== undefined) return undefined;
  return (await hasWindow('qemu-system-x86_64')) ? undefined : 'this QEMU has none';
}

async function windows(): Promise<string> {
  const { stdout } = await run({ tool: 'xwininfo', argv: ['-display', DESKTOP, '-root', '-tree'], timeoutMs: 10_000 });
  return stdout;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it does not come true');
    await delay(100);
  }
}
