import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { type Command, type Context, flag, text } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf, requireVm } from '../gate-access.ts';
import { notRunning, requireUp } from '../gate-up.ts';

export const view: Command = {
  name: 'view',
  group: 'Every day',
  about: "a work VM's screen, in a viewer or as a picture",
  kind: 'action',
  args: [{ name: 'NAME', about: 'a running work VM with a display, whatever state the gate is in' }],
  options: [
    GATE_OPTION,
    { flags: '--screenshot <FILE>', about: 'only a picture of it, as PNG' },
    { flags: '--print', about: 'no viewer: print an address of this machine and a password, for one of your own' },
  ],
  notes: [
    'display: vnc is shown by TigerVNC, remote-viewer, or Screen Sharing on macOS. display: window has a window already.',
    'A screen carries the picture, keys and the pointer: no clipboard, no files, no sound, no USB devices.',
    'The VM draws what it likes: believe no prompt on it but its own. Ends with the viewer, or with the VM.',
  ],
  examples: [
    'vmgate view web',
    'vmgate view web --screenshot web.png',
    'vmgate view web --print --json | head -n 1 | jq -r .password',
  ],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    const file = text(input, 'screenshot');
    if (file !== undefined) return saveScreenshot(context, gate, name, file);
    const { screenSocket, workProcess } = await import('../../drivers/index.ts');
    const { reachScreen } = await import('../../view/index.ts');
    const folder = gate.layout.work(name);
    const socket = screenSocket(folder);
    if (!(await reachScreen(name, socket))) {
      const isRunning = (await workProcess(folder)) !== undefined;
      return withoutVnc(context, gate, name, isRunning);
    }
    const { show } = await import('../show-screen.ts');
    return show(context, { name, folder, socket, isPrinted: flag(input, 'print') } satisfies Shown);
  },
};

/** A running VM with a VNC server. */
export interface Shown {
  readonly name: string;
  readonly folder: string;
  readonly socket: string;
  readonly isPrinted: boolean;
}

/** @throws GATE_WORK_NOT_RUNNING, GATE_NO_SCREEN */
async function withoutVnc({ out }: Context, gate: Gate, name: string, isRunning: boolean): Promise<number> {
  if (!isRunning) throw await notRunning(gate, name);
  if (gate.loaded?.config.work.find((work) => work.name === name)?.display !== 'window') {
    const { errors } = await import('../../supervisor/index.ts');
    throw VmgateError.of(errors.GATE_NO_SCREEN, { name });
  }
  out.result({ name, display: 'window' }, `${name} has a window of its own, on the desktop where vmgate up was typed`);
  return 0;
}

/** @throws GATE_NOT_UP, GATE_NO_SCREEN, VIEW_PICTURE_BROKEN, HOME_WRITE_FAILED */
async function saveScreenshot({ cwd, out }: Context, gate: Gate, name: string, written: string): Promise<number> {
  const client = await requireUp(gate, 'supervisor to take the picture');
  const file = path.resolve(cwd, written);
  try {
    const picture = await client.screenshot(name);
    const { viewErrors } = await import('../../view/index.ts');
    const broken = (why: string) => VmgateError.of(viewErrors.VIEW_PICTURE_BROKEN, { name, why });
    if (picture === undefined) throw broken('the connection ended in the middle of it');
    if (!picture.subarray(0, 8).equals(PNG)) throw broken('what came is no PNG');
    const { writeFileAtomic } = await import('../../home/index.ts');
    await writeFileAtomic(file, picture);
    const [width, height] = [picture.readUInt32BE(16), picture.readUInt32BE(20)];
    out.result({ name, file, width, height, bytes: picture.length }, `${file}: ${width} x ${height}`);
    return 0;
  } finally {
    client.close();
  }
}
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
