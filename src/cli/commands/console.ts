import { type Command, flag } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf, requireVm } from '../gate-access.ts';
import { notRunning } from '../gate-up.ts';

export const consoleCommand: Command = {
  name: 'console',
  group: 'More',
  about: "a work VM's serial console; Ctrl-] leaves it",
  kind: 'query',
  args: [{ name: 'NAME', about: 'a running work VM, whatever state the gate is in' }],
  options: [GATE_OPTION, { flags: '--plain', about: 'only look: what the VM prints, escaped' }],
  notes: [
    'The VM draws on your terminal here: one that is hostile can repaint it, rename it or fake a prompt.',
    'Believe nothing on this screen but the VM; --plain shows the same bytes with every escape made visible.',
  ],
  examples: ['vmgate console workvm', 'vmgate console workvm --plain | less'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    const { attach, converse, watch } = await import('../terminal.ts');
    const { consoleSocket } = await import('../../drivers/index.ts');
    const socket = await attach(consoleSocket(gate.layout.work(name)), name);
    if (socket === undefined) throw await notRunning(gate, name);
    context.out.progress(`console of ${name}; Ctrl-] leaves it (${hint(gate, name)})`);
    await (flag(input, 'plain') ? watch(socket, context) : converse(socket, context));
    context.out.progress(`\nleft the console of ${name}`);
    return 0;
  },
};

/** No image of vmgate's has a login but by the key of its boot: there is no prompt to wait for. */
function hint({ loaded }: Gate, name: string): string {
  const source = loaded?.config.work.find((work) => work.name === name)?.source;
  if (source?.kind === 'template') return `it only tells what its kernel says; a shell: vmgate ssh ${name}`;
  return 'Enter may be needed to see a prompt';
}
