import { expect, test } from '@jest/globals';
import { desktopEnvironment } from '../../../src/host/desktop.ts';

test.each([
  ['X11', { DISPLAY: ':0', XAUTHORITY: '/run/x', LD_PRELOAD: '/x.so' }, { DISPLAY: ':0', XAUTHORITY: '/run/x' }],
  ['Wayland', { WAYLAND_DISPLAY: 'wayland-0', HTTPS_PROXY: 'http://x' }, { WAYLAND_DISPLAY: 'wayland-0' }],
  ['none', { XAUTHORITY: '/run/x', HOME: '/home/ada' }, undefined],
  ['an empty one', { DISPLAY: '' }, undefined],
])('on Linux: %s', (_, env, found) => {
  expect(desktopEnvironment(env, 'linux')).toEqual(found);
});

test('on macOS a window needs nothing of the environment', () => {
  expect(desktopEnvironment({}, 'macos')).toEqual({});
});
