import type { Command } from '../command.ts';
import { GATE_OPTION, gateOf, requireVm } from '../gate-access.ts';
import { sshOptions } from '../ssh-options.ts';

export const sshConfig: Command = {
  name: 'ssh-config',
  group: 'More',
  about: 'Host blocks, so that ssh, rsync and editors work',
  kind: 'query',
  args: [{ name: 'NAME', optional: true, about: 'one work VM; all of vmgate.yaml unless said' }],
  options: [GATE_OPTION],
  examples: [
    'vmgate ssh-config > ~/.ssh/vmgate   and on top of ~/.ssh/config: Include vmgate',
    'rsync -a ./src vmgate-workvm:   after that',
  ],
  run: async (context, input) => {
    const [name] = input.args;
    const gate = await gateOf(context, input);
    if (name !== undefined) await requireVm(gate, name);
    const names = name === undefined ? (gate.loaded?.config.work.map((work) => work.name) ?? []) : [name];
    const hosts = names.map((each) => ({
      host: `vmgate-${each}`,
      options: sshOptions(gate, each, context.home().root),
    }));
    const blocks = hosts.map(({ host, options }) =>
      [`Host ${host}`, ...options.map(([keyword, value]) => `  ${keyword} ${value}`)].join('\n'),
    );
    context.out.result(
      { hosts: hosts.map(({ host, options }) => ({ host, options: Object.fromEntries(options) })) },
      blocks.join('\n\n'),
    );
    return 0;
  },
};
