import { afterEach, expect, test } from '@jest/globals';
import { hasWindow, nativeToolkit, requireWindow } from '../../../../src/drivers/qemu/window.ts';
import type { Run } from '../../../../src/host/index.ts';

const listing =
  (...types: readonly string[]): Run =>
  async () =>
    ({
      code: 0,
      signal: null,
      stdout: ['Available display backend types:', ...types, ''].join('\n'),
      stderr: '',
    }) as never;
const QEMU = { binary: '/usr/bin/qemu-system-x86_64' };

const before = process.env['DISPLAY'];
afterEach(() => {
  if (before === undefined) delete process.env['DISPLAY'];
  else process.env['DISPLAY'] = before;
});

test('a QEMU has windows if it lists this system’s toolkit, and not something like it', async () => {
  await expect(hasWindow(QEMU.binary, listing('none', nativeToolkit()))).resolves.toBe(true);
  await expect(hasWindow(QEMU.binary, listing('none', 'sdl', `${nativeToolkit()}2`))).resolves.toBe(false);
});

test('without its part, what to install is said', async () => {
  await expect(requireWindow(QEMU, listing('none'))).rejects.toMatchObject({ code: 'DRIVER_WINDOW_MISSING', exit: 3 });
});

test('without a desktop, none is opened', async () => {
  if (nativeToolkit() === 'cocoa') return;
  process.env['DISPLAY'] = '';
  delete process.env['WAYLAND_DISPLAY'];
  await expect(requireWindow(QEMU, listing(nativeToolkit()))).rejects.toMatchObject({
    code: 'DRIVER_NO_DESKTOP',
    exit: 3,
  });
});

test('QEMU is told where the desktop is, and GTK to start nothing', async () => {
  process.env['DISPLAY'] = ':0';
  const { environment } = await requireWindow(QEMU, listing(nativeToolkit()));
  if (nativeToolkit() === 'gtk') {
    expect(environment).toMatchObject({ DISPLAY: ':0', NO_AT_BRIDGE: '1', DBUS_SESSION_BUS_ADDRESS: 'disabled:' });
  }
  expect(Object.keys(environment).filter((name) => /PRELOAD|PROXY|NODE/.test(name))).toEqual([]);
});
