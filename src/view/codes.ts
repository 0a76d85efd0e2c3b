/** Codes of `vmgate view`. */
import { error, errorCodes } from '../core/coded.ts';

const environment = { exit: 3, source: 'environment' } as const;

export const errors = errorCodes({
  VIEW_NO_VIEWER: error<{ name: string; looked: readonly string[]; install: string }>({
    ...environment,
    what: ({ looked }) => `no VNC viewer is installed: there is no ${looked.join(', no ')}`,
    remedy: ({ name, install }) => `${install}   (for a viewer of your own: vmgate view ${name} --print)`,
    sample: {
      name: 'web',
      looked: ['vncviewer', 'remote-viewer'],
      install: 'sudo apt-get install --no-install-recommends -y tigervnc-viewer',
    },
  }),
  VIEW_NO_DESKTOP: error<{ name: string; socket: string }>({
    ...environment,
    what: () => 'there is no desktop here to open a viewer on: neither DISPLAY nor WAYLAND_DISPLAY is set',
    remedy: ({ name, socket }) =>
      `vmgate view ${name} --screenshot FILE.png, or from a desktop elsewhere: ssh -L /tmp/screen.sock:${socket} THIS-MACHINE, then vncviewer /tmp/screen.sock`,
    sample: { name: 'web', socket: '/home/ada/.vmgate/gates/default/vm/web/screen.sock' },
  }),
  VIEW_NOT_OPENED: error<{ viewer: string; why: string }>({
    ...environment,
    what: ({ viewer, why }) => `${viewer} was not opened: ${why}`,
    remedy: ({ viewer }) => `see what it says by itself: ${viewer} --help`,
    sample: { viewer: '/usr/bin/vncviewer', why: 'it ended with status 1' },
  }),
  VIEW_SCREEN_UNREACHABLE: error<{ name: string; why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ name, why }) => `the screen of work VM ${name} does not answer: ${why}`,
    remedy: ({ name }) => `vmgate stop ${name} && vmgate start ${name}`,
    sample: { name: 'web', why: 'it asks for a password that nobody set' },
  }),
  VIEW_PICTURE_BROKEN: error<{ name: string; why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ name, why }) => `no picture came of the screen of work VM ${name}: ${why}`,
    remedy: () => 'try again; vmgate logs says what else happened',
    sample: { name: 'web', why: 'the connection ended in the middle of it' },
  }),
});
