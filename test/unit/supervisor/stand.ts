/** A gate whose machines, guard and control channel are in memory, behind a real supervisor and its real socket. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as really } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import type { GatewayHost } from '../../../src/drivers/index.ts';
import { MemoryGatewayHost, MemoryWorkHost, type MemoryWorkMachine } from '../../../src/drivers/memory/index.ts';
import { type GateLayout, type HomeLayout, openGate, openHome } from '../../../src/home/index.ts';
import { hostPlatform, type Notification, sha256 } from '../../../src/host/index.ts';
import type { ImageKind, ImagePart } from '../../../src/image/index.ts';
import { adoptDraft, makeDraft } from '../../../src/image/store.ts';
import type { LabPass } from '../../../src/lab/pass.ts';
import { SupervisorClient } from '../../../src/supervisor/client.ts';
import { Supervisor } from '../../../src/supervisor/supervisor.ts';
import { addProfile } from '../../../src/vpn/index.ts';
import { FakeParts } from './parts.ts';
import { FakeSenses } from './senses.ts';

const CONFIG = 'version: 1\nvpn: lab\nwork: {a: {template: tiny}, b: {template: tiny}}\n';
/** No frame is ever sent to it: the gateway is in memory. */
const ENDPOINT = '9.9.9.9:51820';
const STEP_MS = 25;

export class Stand {
  readonly folder = mkdtempSync('/tmp/vgs-');
  readonly home: HomeLayout;
  readonly layout: GateLayout;
  readonly parts = new FakeParts();
  readonly senses = new FakeSenses();
  readonly gateways = new MemoryGatewayHost();
  readonly works = new MemoryWorkHost();
  readonly configPath: string;
  readonly #clients: SupervisorClient[] = [];
  readonly #killed: Supervisor[] = [];
  /** What a desktop would have shown. */
  readonly notifications: Notification[] = [];
  #cut = () => {};
  supervisor: Supervisor | undefined;
  /** Of the lab's kind: an uplink whose address comes from the network. */
  pass: LabPass | undefined;

  private constructor() {
    this.home = openHome({ VMGATE_HOME: this.folder });
    this.layout = openGate(this.home, 'default');
    this.configPath = path.join(this.folder, 'vmgate.yaml');
  }

  /** Timers are virtual from here on: seconds of the gate's life pass in milliseconds. */
  static async open(): Promise<Stand> {
    jest.useFakeTimers({
      doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
    });
    const stand = new Stand();
    writeFileSync(stand.configPath, CONFIG);
    const profile = path.join(stand.folder, 'lab.conf');
    writeFileSync(profile, profileText(), { mode: 0o600 });
    await addProfile(stand.home.vpn, 'lab', profile, { split: false, dns: [] });
    await storeImage(stand.home.images, 'gateway', ['base', 'wireguard', 'openvpn']);
    await storeImage(stand.home.images, 'tiny', ['base']);
    return stand;
  }

  /** kill -9, as far as one process can play it: cut off from every machine, its locks free, its timers stopped. */
  killSupervisor(): void {
    this.#cut();
    this.works.machines.disconnectAll();
    for (const folder of [this.layout.lock, path.join(this.home.vpn, '.in-use')]) {
      rmSync(folder, { recursive: true, force: true });
    }
    jest.clearAllTimers();
    if (this.supervisor !== undefined) this.#killed.push(this.supervisor);
    this.supervisor = undefined;
  }

  async supervise(): Promise<Supervisor> {
    const { home, layout, configPath } = this;
    let isCut = false;
    this.#cut = () => {
      isCut = true;
    };
    const gatewayHost: GatewayHost = {
      name: 'memory',
      boot: (spec) => (isCut ? new Promise(() => {}) : this.gateways.boot(spec)),
      reap: (folder) => (isCut ? new Promise(() => {}) : this.gateways.reap(folder)),
    };
    this.supervisor = await Supervisor.start({
      gate: 'default',
      home,
      layout,
      configPath,
      gatewayHost,
      workHost: this.works,
      ignoredEnvironment: [],
      notify: (notification) => {
        this.notifications.push(notification);
        return Promise.resolve('no desktop here');
      },
      parts: this.parts.factory,
      senses: this.senses,
      ...(this.pass === undefined ? {} : { lab: this.pass }),
    });
    return this.supervisor;
  }

  async client(): Promise<SupervisorClient> {
    const client = await this.during(SupervisorClient.connect('default', this.layout));
    if (client === undefined) throw new Error('no supervisor listens');
    this.#clients.push(client);
    return client;
  }

  /** One request on a connection of its own, time passing meanwhile. */
  async ask(ask: Parameters<SupervisorClient['ask']>[0]): Promise<unknown> {
    const client = await this.client();
    try {
      return await this.during(client.ask(ask));
    } finally {
      client.close();
    }
  }

  /** `code`: what somebody gave for a server that asks for one. */
  up(code?: string): Promise<unknown> {
    const { digest } = loadConfig(this.folder, this.home.root);
    return this.ask({ verb: 'up', config: this.configPath, digest, ...(code === undefined ? {} : { code }) });
  }

  async phase(): Promise<string> {
    return ((await this.ask({ verb: 'status' })) as { phase: string }).phase;
  }

  /** From its start on, the hypervisor tells of one card more than there should be. */
  smuggleCard(): void {
    const start = this.works.start.bind(this.works);
    this.works.start = async (spec) => {
      const work = await start(spec);
      const vm = this.vm(spec.name);
      if (vm !== undefined) vm.tamper = (facts) => ({ ...facts, cards: [...facts.cards, ...facts.cards] });
      return work;
    };
  }

  vm(name: string): MemoryWorkMachine | undefined {
    return this.works.machines.running(this.layout.work(name));
  }

  /** Lets time pass until `promise` settles. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    while (!settled) await pass();
    return promise;
  }

  /** Lets time pass until `holds`; at most two virtual minutes. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let steps = 0; steps < 5_000; steps += 1) {
      if (await holds()) return;
      await pass();
    }
    throw new Error('it did not happen within two minutes');
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const supervisor of [this.supervisor, ...this.#killed]) {
      supervisor?.stop();
      await this.during(supervisor?.done ?? Promise.resolve());
    }
    jest.useRealTimers();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A moment of real time for files and sockets, and a little more of the gate's. */
async function pass(): Promise<void> {
  await really(1);
  await jest.advanceTimersByTimeAsync(STEP_MS);
}

async function storeImage(images: string, kind: ImageKind, layers: readonly string[]): Promise<void> {
  const draft = await makeDraft(images);
  const part = (name: string, file: string): ImagePart => {
    const bytes = Buffer.from(`${kind} ${name}`);
    writeFileSync(path.join(draft, file), bytes);
    return { name, digest: sha256(bytes), bytes: bytes.length };
  };
  await adoptDraft(images, draft, {
    version: 1,
    kind,
    arch: hostPlatform().arch,
    kernel: part('kernel', 'kernel'),
    layers: layers.map((name) => part(name, `${name}.cpio`)),
    packages: [],
  });
}

function profileText(): string {
  const key = (fill: number) => Buffer.alloc(32, fill).toString('base64');
  return [
    '[Interface]',
    `PrivateKey = ${key(0x40)}`,
    'Address = 10.66.0.2/32',
    'DNS = 10.66.0.1',
    '[Peer]',
    `PublicKey = ${key(0x21)}`,
    `Endpoint = ${ENDPOINT}`,
    'AllowedIPs = 0.0.0.0/0',
    '',
  ].join('\n');
}
