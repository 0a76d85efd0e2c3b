/**
 * The wire between gateway and work VM on real QEMUs, with the command lines of the driver and no guest that uses it: a
 * test injects what one guest would have sent, and takes away what the other would have received.
 */
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Installation, Machine } from '../../../src/drivers/index.ts';
import { gatewayArgv, WORK_NETDEV, workArgv } from '../../../src/drivers/qemu/argv.ts';
import { FrameReader, framed } from '../../../src/frame/index.ts';
import { Stand } from './stand.ts';

/** Of the work VM in every specification of the stand. */
const GATEWAY_NETDEV = 'work0';

/** The same on every QEMU that is tried. */
export function wireTests(installation: Installation): void {
  describe('a wire between two machines', () => {
    let stand: Stand;
    const ends: End[] = [];
    beforeEach(async () => {
      stand = await Stand.build();
    });
    afterEach(async () => {
      for (const end of ends.splice(0)) await end.clear();
      await stand.clear();
    });

    async function endOf(folder: string, argv: readonly string[], netdev: string): Promise<End> {
      const qemu = await installation.find('amd64');
      const machine = await Machine.launch({ ...qemu, label: folder, folder, argv });
      const end = await End.tap(machine, folder, netdev);
      ends.push(end);
      return end;
    }
    const gatewayEnd = async () => {
      const spec = await stand.gatewaySpec();
      return endOf(spec.runFolder, gatewayArgv(spec, await installation.find('amd64')), GATEWAY_NETDEV);
    };
    const frozenWorkEnd = async () => {
      const spec = stand.workSpec();
      return endOf(spec.folder, workArgv(spec, await installation.find('amd64')), WORK_NETDEV);
    };
    const workEnd = async () => {
      const end = await frozenWorkEnd();
      await end.resume();
      return end;
    };

    test('set down in a machine that is frozen yet carries nothing once it runs; up again, what comes after', async () => {
      const [gateway, work] = [await gatewayEnd(), await frozenWorkEnd()];
      expect(await work.status()).toBe('prelaunch');
      await work.setLink(WORK_NETDEV, false);
      await work.resume();
      await gateway.sendsInVain('early', work);
      await work.sendsInVain('early', gateway);
      await work.setLink(WORK_NETDEV, true);
      await gateway.sends('later', work);
      await work.sends('later', gateway);
      expect([work.heard(), gateway.heard()]).toEqual([['later'], ['later']]);
    });

    test("set down by the card's id leaves the wire's own end open (why the netdev is named)", async () => {
      const [gateway, work] = [await gatewayEnd(), await workEnd()];
      await work.setLink('nic', false);
      await gateway.sends('still', work);
    });

    test('heals when the work VM is killed and started again', async () => {
      const gateway = await gatewayEnd();
      const first = await workEnd();
      await gateway.sends('one', first);
      await first.clear();
      await gateway.passes('nobody');
      const second = await workEnd();
      await gateway.sends('two', second);
      await second.sends('three', gateway);
      expect(second.heard()).toEqual(['two']);
    });

    test('heals when the gateway is killed and a fresh one boots', async () => {
      const first = await gatewayEnd();
      const work = await workEnd();
      await work.sends('one', first);
      await first.clear();
      await work.passes('nobody');
      const second = await gatewayEnd();
      await work.sends('two', second);
      await second.sends('three', work);
      expect(second.heard()).toEqual(['two']);
    });
  });
}

/** One machine's end of the wire. */
class End {
  readonly #machine: Machine;
  readonly #sent: Tap;
  readonly #received: Tap;
  readonly #inject: net.Socket;

  private constructor(machine: Machine, sent: Tap, received: Tap, inject: net.Socket) {
    this.#machine = machine;
    this.#sent = sent;
    this.#received = received;
    this.#inject = inject;
  }

  /**
   * What the guest sends passes filters in the reverse of their order: injected first, then mirrored, then on the wire.
   * What arrives is taken away: without a driver in the guest the card would let it wait, and what comes after it too.
   */
  static async tap(machine: Machine, folder: string, netdev: string): Promise<End> {
    const add = async (id: string, type: string, filter: object) => {
      const socket = path.join(folder, `${id}.sock`);
      const addr = { type: 'unix', data: { path: socket } };
      const backend = { type: 'socket', data: { addr, server: true, wait: false } };
      await machine.qmp.execute('chardev-add', { id, backend });
      const connection = await connect(socket);
      await machine.qmp.execute('object-add', { 'qom-type': type, id, netdev, ...filter });
      return connection;
    };
    const received = new Tap(await add('received', 'filter-redirector', { queue: 'tx', outdev: 'received' }));
    const sent = new Tap(await add('sent', 'filter-mirror', { queue: 'rx', outdev: 'sent' }));
    const inject = await add('inject', 'filter-redirector', { queue: 'rx', indev: 'inject' });
    return new End(machine, sent, received, inject);
  }

  async status(): Promise<unknown> {
    return ((await this.#machine.qmp.execute('query-status')) as { status: unknown }).status;
  }

  async resume(): Promise<void> {
    await this.#machine.qmp.execute('cont');
  }

  async setLink(name: string, up: boolean): Promise<void> {
    await this.#machine.qmp.execute('set_link', { name, up });
  }

  heard(): readonly string[] {
    return this.#received.texts;
  }

  async sends(text: string, to: End): Promise<void> {
    this.#inject.write(framed(frame(text)));
    await to.#received.saw(text);
  }

  /** Resolves when the frame has left this QEMU, whether anybody hears it or not. */
  async passes(text: string): Promise<void> {
    this.#inject.write(framed(frame(text)));
    await this.#sent.saw(text);
    await this.#turn();
  }

  /** A frame of a link that is down may be stopped before the mirror: time enough, counted in turns of both machines. */
  async sendsInVain(text: string, to: End): Promise<void> {
    this.#inject.write(framed(frame(text)));
    for (let turn = 0; turn < 5; turn += 1) {
      await this.#turn();
      await to.#turn();
    }
    expect(to.heard()).not.toContain(text);
  }

  async clear(): Promise<void> {
    for (const tap of [this.#sent, this.#received]) tap.close();
    this.#inject.destroy();
    await this.#machine.kill();
  }

  /** QEMU's main loop went round once more. */
  async #turn(): Promise<void> {
    await this.#machine.qmp.execute('query-status');
  }
}

class Tap {
  readonly texts: string[] = [];
  readonly #socket: net.Socket;
  #look: () => void = () => {};

  constructor(socket: net.Socket) {
    this.#socket = socket;
    const split = new FrameReader((each) => this.texts.push(textOf(each)));
    socket.on('data', (chunk: Buffer) => {
      split.push(chunk);
      this.#look();
    });
  }

  saw(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.texts.includes(text)) resolve();
      };
      this.#look();
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

function connect(file: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(file, () => resolve(socket));
    socket.on('error', reject); // Afterwards: a reset when its machine is killed.
  });
}

/** To nobody: a locally administered group address and an experimental EtherType (RFC 5342). */
function frame(text: string): Buffer {
  const header = Buffer.from('03000000000152540100010088b5', 'hex');
  return Buffer.concat([header, Buffer.from(text.padEnd(46, '\0'))]);
}

function textOf(bytes: Buffer): string {
  return bytes.subarray(14).toString('latin1').replace(/\0+$/, '');
}
