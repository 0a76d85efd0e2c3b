import { pipeline } from 'node:stream/promises';
import { VmgateError } from '../../core/coded.ts';
import type { Phase } from '../../core/gate/state.ts';
import { type Command, type Context, flag } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf, requireSupervisor, requireVm } from '../gate-access.ts';

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
  examples: ['vmgate ssh workvm', 'vmgate ssh workvm -- uname -a', 'vmgate ssh-config >> ~/.ssh/config   for the rest'],
  run: async (context, input) => {
    const [name = '', ...rest] = input.args;
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    if (flag(input, 'stdio')) return stdio(context, gate, name);
    await requireReachable(gate, name);
    const { openSsh } = await import('../openssh.ts');
    const { sshOptions } = await import('../ssh-options.ts');
    const command = rest[0] === '--' ? rest.slice(1) : rest;
    const call = { host: name, options: sshOptions(gate, name, context.home().root), command };
    return openSsh(call, context.outside);
  },
};

/** ssh itself would only say that a connection was closed. @throws GATE_NOT_VERIFIED, GATE_WORK_NOT_RUNNING */
async function requireReachable(gate: Gate, name: string): Promise<void> {
  const client = await requireSupervisor(gate);
  try {
    const { phase, why, work } = client.greeting;
    const vm = work.find((each) => each.name === name);
    const { errors } = await import('../../supervisor/index.ts');
    if (vm === undefined || vm.status === 'stopped') throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
    if (vm.linkUp) return;
    throw VmgateError.of(errors.GATE_NOT_VERIFIED, {
      gate: gate.name,
      phase: phase as Phase,
      why: why === '' ? `the wire of ${name} is down` : why,
      remedy: 'vmgate up waits until the gate is open',
    });
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
