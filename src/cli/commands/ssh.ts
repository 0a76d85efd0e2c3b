import { pipeline } from 'node:stream/promises';
import { type Command, type Context, flag } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf, requireSupervisor, requireVm } from '../gate-access.ts';
import { requireReachable } from '../reachable.ts';

const SSH_PORT = 22;

export const ssh: Command = {
  name: 'ssh',
  group: 'Every day',
  about: 'a shell or a command in a work VM',
  kind: 'query',
  args: [
    { name: 'NAME', about: 'a work VM that runs behind an open gate' },
    { name: 'CMD', optional: true, rest: true, about: 'a command; its exit status becomes that of vmgate' },
  ],
  options: [
    GATE_OPTION,
    { flags: '--stdio', about: "only the byte stream to the VM's ssh port: for ProxyCommand and rsync" },
  ],
  notes: ['Options of vmgate come before NAME: what stands after it is the command, with options of its own.'],
  examples: ['vmgate ssh workvm', 'vmgate ssh workvm -- uname -a', 'vmgate ssh-config >> ~/.ssh/config   for the rest'],
  run: async (context, input) => {
    const [name = '', ...rest] = input.args;
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    if (flag(input, 'stdio')) return stdio(context, gate, name);
    await mustBeReachable(gate, name);
    const { openSsh } = await import('../openssh.ts');
    const { sshOptions } = await import('../ssh-options.ts');
    const command = rest[0] === '--' ? rest.slice(1) : rest;
    const call = { host: name, options: sshOptions(gate, name, context.home().root), command };
    return openSsh(call, context.outside);
  },
};

/** ssh itself would only say that a connection was closed. @throws GATE_NOT_VERIFIED, GATE_WORK_NOT_RUNNING */
async function mustBeReachable(gate: Gate, name: string): Promise<void> {
  const client = await requireSupervisor(gate);
  try {
    await requireReachable(gate, client, name);
  } finally {
    client.close();
  }
}

async function stdio({ outside }: Context, gate: Gate, name: string): Promise<number> {
  const client = await requireSupervisor(gate);
  try {
    const stream = await client.dial(name, SSH_PORT);
    const gone = new Promise((resolve) => stream.once('close', resolve));
    // Either end may finish first; a client that hangs up mid-way is an ordinary end of a session.
    const both = [pipeline(outside.stdin, stream, { end: true }), pipeline(stream, outside.stdout, { end: false })];
    await Promise.race([Promise.allSettled(both), gone]);
    return 0;
  } finally {
    client.close();
    outside.stdin.pause();
  }
}
