import { occur } from '../../core/coded.ts';
import { hostPlatform } from '../../host/index.ts';
import { imageBase, newestBase, workEvents } from '../../work/index.ts';
import { type Command, type Context, flag } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf, requireSupervisor, requireVm } from '../gate-access.ts';
import { setUpVm } from '../set-up-vm.ts';

/** Judged in this order: usage, configuration, name (2); gate not verified (4); only then what the machine can do. */
export const start: Command = {
  name: 'start',
  group: 'Every day',
  about: 'start a work VM, if the tunnel is proven',
  kind: 'action',
  args: [{ name: 'NAME', about: 'a work VM of vmgate.yaml' }],
  options: [GATE_OPTION, { flags: '--disposable', about: 'keep nothing: what it writes is dropped when it stops' }],
  examples: [
    'vmgate start workvm',
    'vmgate start workvm --disposable',
    'vmgate up && vmgate start workvm && vmgate ssh workvm',
  ],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    const client = await requireSupervisor(gate);
    try {
      const { already, disposable = false } = (await client.ask(
        { verb: 'start', name, disposable: flag(input, 'disposable') },
        { onEvent: (event) => context.out.event(event), signal: context.interrupted },
      )) as { already: boolean; disposable?: boolean };
      await tellOlderImage(context, gate, name);
      const { ran, before } = await setUpVm(context, gate, name);
      const text = already ? `${name} is running already` : `${name} is running, behind the verified tunnel`;
      const drop = disposable ? '\nwhat it writes is dropped when it stops' : '';
      context.out.result(
        { name, status: 'running', already, disposable, provisioned: { ran, before } },
        `${text}${drop}\n  vmgate ssh ${name}`,
      );
    } finally {
      client.close();
    }
  },
};

/** A VM stays with the image that it was made from, until somebody says otherwise. */
async function tellOlderImage(context: Context, { loaded, layout }: Gate, name: string): Promise<void> {
  const source = loaded?.config.work.find((work) => work.name === name)?.source;
  if (source?.kind !== 'template' || source.template === 'tiny') return;
  const [{ images }, { arch }] = [context.home(), hostPlatform()];
  const { image: made } = await imageBase({ name, folder: layout.work(name) }, source.template, images, arch);
  const { image: current } = await newestBase(source.template, images, arch);
  if (made.digest === current.digest) return;
  context.out.event(occur(workEvents.WORK_IMAGE_OLDER, { name, made: made.digest, current: current.digest }));
}
