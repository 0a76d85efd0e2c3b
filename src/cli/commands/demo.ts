import path from 'node:path';
import type { Command } from '../command.ts';
import { text } from '../command.ts';

/** `program`: how vmgate was called. By its name: then there is such a command already. */
export function nextSteps(program: string): string {
  const link = [
    '  npm link                           makes the command vmgate; who is not root types:',
    '                                     npm_config_prefix=~/.local npm link',
  ];
  return [
    '',
    'What to type next, with your own VPN (a WireGuard file from your provider or your company):',
    ...(path.basename(program) === 'vmgate' ? [] : link),
    '  vmgate init --vpn-file FILE.conf   in a folder of your own; keeps the profile, writes vmgate.yaml',
    '  vmgate up',
    '  vmgate start workvm',
    '  vmgate ssh workvm',
  ].join('\n');
}

/** The lab is imported here and nowhere else in the command line. */
export const demo: Command = {
  name: 'demo',
  group: 'Set up',
  about: 'show the main job on an embedded lab: no VPN, no root',
  kind: 'action',
  options: [
    {
      flags: '--uplink <KIND>',
      about: 'how the gateway reaches the lab: by a wire, or as for real users (slirp)',
      choices: ['wire', 'user'],
    },
  ],
  examples: ['vmgate demo', 'vmgate demo --uplink user'],
  run: async (context, input) => {
    const { playDemo } = await import('../../demo/index.ts');
    const attachment = text(input, 'uplink') === 'user' ? 'user' : 'wire';
    await playDemo({
      images: context.home().images,
      attachment,
      say: (line) => context.out.progress(line),
      signal: context.interrupted,
    });
    context.out.result({ demo: 'observed', uplink: attachment }, nextSteps(process.argv[1] ?? ''));
  },
};
