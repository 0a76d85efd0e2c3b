import path from 'node:path';
import { addProfile, isLoginMissing, KIND_NAMES, type ProfileLogin } from '../../vpn/index.ts';
import { type Command, flag, list, text } from '../command.ts';
import { askLogin, givenLogin, LOGIN_OPTIONS } from '../login.ts';
import { profileText } from '../profile-text.ts';

export const vpnAdd: Command = {
  name: 'vpn add',
  group: 'Set up',
  about: 'check a VPN profile and keep a private copy',
  kind: 'action',
  args: [
    { name: 'NAME', about: 'what to call it: a-z, 0-9 and "-"' },
    { name: 'FILE', about: 'the file from your provider or administrator' },
  ],
  options: [
    {
      flags: '--split',
      about: 'the profile covers only part of the Internet; the rest is dropped, never sent in clear',
    },
    { flags: '--dns <ADDR...>', about: "resolvers inside the tunnel, in place of the profile's" },
    {
      flags: '--kind <KIND>',
      about: 'read it as a profile of this kind; unless said, its content tells',
      choices: KIND_NAMES,
    },
    ...LOGIN_OPTIONS,
  ],
  examples: [
    'vmgate vpn add mullvad ~/Downloads/se-sto-wg-001.conf',
    'vmgate vpn add acme acme.conf --split --dns 10.20.0.53',
    'vmgate vpn add office office.ovpn --user alice',
  ],
  run: async (context, input) => {
    const [name = '', file = ''] = input.args;
    const source = path.resolve(context.cwd, file);
    const asked = text(input, 'kind');
    const kind = KIND_NAMES.find((name) => name === asked);
    const options = {
      split: flag(input, 'split'),
      dns: list(input, 'dns'),
      kind,
      login: await givenLogin(context, input),
    };
    const add = (login: ProfileLogin | undefined) =>
      addProfile(context.home().vpn, name, source, { ...options, login });
    const profile = await add(options.login).catch(async (fault: unknown) => {
      // The one question that only the profile can raise.
      if (!isLoginMissing(fault) || !context.isInteractive) throw fault;
      return add(await askLogin());
    });
    for (const notice of profile.notices) context.out.event(notice);
    const { plan, publicKey } = profile;
    context.out.result(
      { name, publicKey, plan },
      `${profileText(profile)}\n\nadded; name it in vmgate.yaml: vpn: ${name}`,
    );
    return 0;
  },
};
