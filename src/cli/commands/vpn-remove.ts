import { keyHolder, removeProfile } from '../../vpn/index.ts';
import type { Command } from '../command.ts';

export const vpnRemove: Command = {
  name: 'vpn remove',
  group: 'Set up',
  about: 'forget a profile and its keys; refused while a running gate uses it',
  kind: 'action',
  args: [{ name: 'NAME', about: 'a profile of vmgate vpn list' }],
  examples: ['vmgate vpn remove mullvad'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const { vpn } = context.home();
    await removeProfile(vpn, name, (publicKey) => keyHolder(vpn, publicKey));
    context.out.result({ name, removed: true }, `removed ${name}`);
    return 0;
  },
};
