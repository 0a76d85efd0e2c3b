/** Codes of the command line itself; everything else comes from the rooms it calls. */
import { error, errorCodes } from '../core/coded.ts';

const usage = { exit: 2, source: 'user' } as const;

export const errors = errorCodes({
  CLI_USAGE: error<{ message: string; hint: string; command: string }>({
    ...usage,
    what: ({ message }) => message,
    remedy: ({ hint, command }) => (hint === '' ? `vmgate ${command}${command === '' ? '' : ' '}--help` : hint),
    sample: { message: "unknown command 'strat'", hint: 'did you mean: vmgate start', command: '' },
  }),
  CLI_PASSWORD_UNREADABLE: error<{ file: string; why: string }>({
    ...usage,
    what: ({ file, why }) => `no password can be read from ${file === '-' ? 'stdin' : file}: ${why}`,
    remedy: () => 'put the password into the first line of a file that only you can read: --password-file FILE',
    sample: { file: 'password.txt', why: 'no such file' },
  }),
  CLI_NODE_TOO_OLD: error<{ version: string; oldest: string }>({
    exit: 3,
    source: 'environment',
    what: ({ version, oldest }) => `vmgate needs Node ${oldest} or newer; this is ${version}`,
    remedy: () => 'install a newer one: from https://nodejs.org, or with nvm, fnm or volta',
    sample: { version: '18.20.4', oldest: '20.19' },
  }),
  CLI_ANSWER_NEEDED: error<{ what: string; flag: string }>({
    ...usage,
    what: ({ what }) => `${what} must be said, and there is no terminal to ask on`,
    remedy: ({ flag }) => `say it on the command line: ${flag}`,
    sample: { what: 'the VPN profile', flag: 'vmgate init --vpn-file FILE' },
  }),
  CLI_INTERRUPTED: error<{ command: string }>({
    exit: 130,
    source: 'user',
    what: () => 'interrupted at a question; nothing was changed',
    remedy: ({ command }) => `vmgate ${command}, or with the answers as flags: vmgate ${command} --help`,
    sample: { command: 'init' },
  }),
  CLI_CUT_SHORT: error<{ command: string }>({
    exit: 130,
    source: 'user',
    what: ({ command }) => `interrupted before vmgate ${command} was done; what is half done does not count`,
    remedy: () => 'type it again; what is complete by now is not asked for again',
    sample: { command: 'image pull' },
  }),
  CLI_FILE_EXISTS: error<{ file: string; instead: string }>({
    ...usage,
    what: ({ file }) => `${file} exists already`,
    remedy: ({ instead }) => `change it by hand, or ${instead}`,
    sample: { file: '/home/ann/acme/vmgate.yaml', instead: 'write a new one in its place: vmgate init --force' },
  }),
  CLI_GIT_FAILED: error<{ url: string; why: string }>({
    exit: 6,
    source: 'environment',
    what: ({ url, why }) => `nothing was taken from ${url}: ${why}`,
    remedy: () => 'check its URL, its branch or tag, and that your git may read it: git ls-remote URL',
    sample: { url: 'https://git.example.com/team/templates.git', why: 'git ended with status 128' },
  }),
  CLI_PATH_UNQUOTABLE: error<{ path: string }>({
    ...usage,
    what: ({ path }) => `the path ${JSON.stringify(path)} cannot be written into an ssh configuration`,
    remedy: () => 'move it to a path without quotes, line breaks and "${"',
    sample: { path: '/home/ann/a"b/.vmgate' },
  }),
  CLI_EXIT_NOT_SEEN: error<{ gate: string; why: string }>({
    exit: 4,
    source: 'user',
    what: ({ gate, why }) => `gate ${gate} has not seen an exit address: ${why}`,
    remedy: () => 'set verify.exit in vmgate.yaml (vmgate init --exit-url URL), run vmgate up, then try again',
    sample: { gate: 'default', why: 'vmgate.yaml names no verify.exit.url' },
  }),
  CLI_COMMAND_NOT_STARTED: error<{ command: string; why: string }>({
    ...usage,
    what: ({ command, why }) => `${JSON.stringify(command)} was not started: ${why}`,
    remedy: () => 'check its name: vmgate proxy -- COMMAND',
    sample: { command: 'crul', why: 'there is no such command' },
  }),
  CLI_CONSOLE_UNREACHABLE: error<{ name: string; why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ name, why }) => `the console of work VM ${name} cannot be opened: ${why}`,
    remedy: ({ name }) => `vmgate status shows whether ${name} runs`,
    sample: { name: 'workvm', why: 'ECONNREFUSED' },
  }),
});
