import type { Command } from '../command.ts';
import { text } from '../command.ts';

const NEXT = `
What to type next, with your own VPN (a WireGuard file from your provider or your company):
  vmgate vpn add home FILE.conf
  vmgate init --vpn home
  vmgate up
  vmgate start workvm
  vmgate ssh workvm`;

/** The lab is imported here and nowhere else in the command line. */
export const demo: Command = {
  name: 'demo',
  group: 'Set up',
  about: 'show the main job on an embedded lab: no VPN, no account, no root',
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
    context.out.result({ demo: 'observed', uplink: attachment }, NEXT);
  },
};
