import { error, errorCodes, event, eventCodes } from '../core/coded.ts';

export const errors = errorCodes({
  HOST_TOOL_MISSING: error<{ tool: string; install: string }>({
    exit: 3,
    source: 'environment',
    what: ({ tool }) => `${tool} is not installed on this machine`,
    remedy: ({ install }) => install,
    sample: { tool: 'qemu-img', install: 'sudo apt-get install --no-install-recommends -y qemu-utils' },
  }),
  HOST_TOOL_FAILED: error<{ tool: string; doing: string; outcome: string; command: string }>({
    exit: 3,
    source: 'environment',
    what: ({ tool, doing, outcome }) => `${tool} ${outcome} while ${doing}`,
    remedy: ({ command }) => `to see it fail by itself: ${command}`,
    sample: {
      tool: 'mmdebstrap',
      doing: 'unpacking the gateway packages',
      outcome: 'ended with status 25',
      command: '/usr/bin/mmdebstrap --variant=extract trixie',
    },
  }),
  HOST_PLATFORM_UNSUPPORTED: error<{ platform: string; arch: string }>({
    exit: 3,
    source: 'environment',
    what: ({ platform, arch }) => `vmgate does not run on ${platform}/${arch}`,
    remedy: () => 'use Linux or macOS on amd64 or arm64',
    sample: { platform: 'win32', arch: 'ia32' },
  }),
});

export const events = eventCodes({
  HOST_ENVIRONMENT_IGNORED: event<{ ignored: readonly string[]; alreadyRead: readonly string[] }>({
    level: 'warn',
    text: ({ ignored, alreadyRead }) =>
      `ignored from the environment: ${ignored.join(', ')}` +
      (alreadyRead.length === 0
        ? ''
        : ` (read before vmgate's first line, so start it without them: ${alreadyRead.join(', ')})`),
    sample: { ignored: ['HTTPS_PROXY', 'NODE_OPTIONS'], alreadyRead: ['NODE_OPTIONS'] },
  }),
});
