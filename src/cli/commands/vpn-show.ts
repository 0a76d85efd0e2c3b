import { escapeLine } from '../../host/index.ts';
import { clearTextPlan, loadProfile } from '../../vpn/index.ts';
import type { Command } from '../command.ts';
import { profileText } from '../profile-text.ts';

export const vpnShow: Command = {
  name: 'vpn show',
  group: 'Set up',
  about: 'a profile without its keys, and what of it can be seen on the network',
  kind: 'query',
  args: [{ name: 'NAME', about: 'a profile of vmgate vpn list' }],
  examples: ['vmgate vpn show mullvad', 'vmgate vpn show acme --json'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const profile = await loadProfile(context.home().vpn, name);
    const { plan, publicKey, addedAt, source } = profile;
    for (const notice of profile.notices) context.out.progress(escapeLine(notice.text));
    context.out.result(
      { name, kind: plan.kind, addedAt, source, publicKey, plan, clearText: clearTextPlan(plan) },
      profileText(profile),
    );
    return 0;
  },
};
