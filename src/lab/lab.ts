/** A running lab: the untrusted network and the VPN provider, as one guest without any rights on the host. */
import { mkdir } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { type UplinkAddressing, USER_NETWORK } from '../core/link-plan.ts';
import { type Installation, killHolder, Machine, type UplinkAttachment } from '../drivers/index.ts';
import { emptyFolder } from '../home/index.ts';
import { messageOf } from '../host/index.ts';
import { assembleBoot, type StoredImage } from '../image/index.ts';
import { LAB } from './addresses.ts';
import { LabAgent } from './agent.ts';
import { hello } from './answers.ts';
import { LAB_SOCKETS, labArgv } from './argv.ts';
import { type ClientKey, clientProfile, ipsecProfile, newClientKey } from './client-profile.ts';
import { errors } from './codes.ts';
import { LabControls } from './controls.ts';
import { LabPass, type LabPassPlan } from './pass.ts';
import { publishedPort } from './published-port.ts';
import { LabRelay } from './relay.ts';
import { onTheWire, type WitnessCounts, type WitnessedVpn, witnessCounts } from './witness.ts';

/**
 * How a gateway reaches the lab. `wire`: its uplink's cable ends in the lab, which then sees every frame. `user`: through
 * slirp and the host's loopback, like a real user's; the witness is then a pcap of the gateway's QEMU.
 */
export type LabAttachment = 'wire' | 'user';

export interface LabStart {
  /** Folder of this lab alone, made when missing, emptied by `stop`. Its path must leave 20 bytes of a socket's. */
  readonly folder: string;
  readonly attachment: LabAttachment;
  /** Of kind `lab`. */
  readonly image: StoredImage;
  readonly installation: Installation;
  /** Behind slirp: a relay in this process before the server, to try leak case 62. */
  readonly relay?: boolean;
  /** Which kind of VPN server there is; WireGuard unless said. */
  readonly vpn?: WitnessedVpn;
  /** An uncompressed cpio whose files replace the image's: scripts newer than the image. */
  readonly overlay?: Uint8Array;
  /** `dhcp` unless said; on slirp always static. */
  readonly addressing?: UplinkAddressing;
}

/** What a test or drill adds to a pass or takes from it. */
export type PassOptions = Partial<
  Pick<
    LabPassPlan,
    | 'second'
    | 'removedDefences'
    | 'guardEntry'
    | 'machines'
    | 'witness'
    | 'monitor'
    | 'effects'
    | 'network'
    | 'portal'
    | 'names'
  >
>;

const MEMORY_MIB = 224;
/** Under emulation on a busy machine; 5 s is usual. */
const READY_TIMEOUT_MS = 90_000;
const CONSOLE_CHARACTERS = 4_096;

export class Lab extends LabControls {
  readonly folder: string;
  /** For the gateway's QEMU. */
  readonly uplink: UplinkAttachment;
  readonly addressing: UplinkAddressing;
  /** Of the VPN server, as the gateway must dial it. */
  readonly endpoint: { readonly address: string; readonly port: number };
  /** UDP port on this machine's loopback that leads to the VPN server. */
  readonly publishedPort: number;
  /** TCP port on this machine's loopback where the network tells this machine whether there is a portal. */
  readonly lookPort: number;
  /** The server's key, base64. */
  readonly serverPublicKey: string;
  /** PEM of the certificate that the lab's https sites show, each lab its own. */
  readonly exitCa: string;
  readonly pid: number;
  /** Undefined unless asked for. */
  readonly relay: LabRelay | undefined;
  readonly #vpn: WitnessedVpn;
  #profile = '';
  readonly #machine: Machine;
  readonly #agent: LabAgent;

  private constructor(start: LabStart, machine: Machine, agent: LabAgent, found: Found) {
    super(agent);
    this.#machine = machine;
    this.#agent = agent;
    this.folder = start.folder;
    this.#vpn = start.vpn ?? 'wireguard';
    this.pid = machine.pid;
    this.publishedPort = found.publishedPort;
    this.lookPort = found.lookPort;
    this.serverPublicKey = found.serverKey;
    this.exitCa = found.exitCa;
    const wired = start.attachment === 'wire';
    const { localPath, remotePath } = wirePaths(start.folder);
    this.uplink = wired ? { kind: 'wire', localPath: remotePath, remotePath: localPath } : { kind: 'user' };
    this.relay = found.relay;
    this.endpoint = wired ? LAB.endpoint : { address: LAB.slirpHost, port: found.relay?.port ?? found.publishedPort };
    this.addressing = wired ? (start.addressing ?? { kind: 'dhcp' }) : USER_NETWORK;
  }

  /**
   * Boots a lab and lets one client in. What an earlier, killed one left in the folder is ended and removed first.
   *
   * @throws LAB_NOT_READY, and what the image and the drivers throw; nothing is left then
   */
  static async start(start: LabStart): Promise<Lab> {
    await mkdir(start.folder, { recursive: true, mode: 0o700 });
    await killHolder(start.folder);
    await emptyFolder(start.folder);
    const machine = await boot(start);
    const consoleLines = consoleTail(start.folder);
    try {
      const agent = await LabAgent.connect(path.join(start.folder, LAB_SOCKETS.control));
      const { serverKey, ca } = await agent.ask(hello, 'hello', [], { timeoutMs: READY_TIMEOUT_MS });
      const port = await publishedPort(machine.qmp);
      const lookPort = await publishedPort(machine.qmp, 'tcp');
      const found: Found = {
        client: newClientKey(),
        serverKey,
        exitCa: Buffer.from(ca, 'base64').toString('latin1'),
        publishedPort: port,
        lookPort,
        relay: start.relay === true ? await LabRelay.start(port) : undefined,
      };
      const lab = new Lab(start, machine, agent, found);
      await lab.#letIn(found);
      return lab;
    } catch (cause) {
      await machine.kill();
      await emptyFolder(start.folder);
      throw VmgateError.of(errors.LAB_NOT_READY, { why: messageOf(cause) }, { cause, evidence: consoleLines() });
    }
  }

  /** What a provider hands out for the client that is let in: a wg-quick file, an .ovpn, a YAML for IKEv2, or openconnect's own. */
  get profile(): string {
    return this.#profile;
  }

  /** What left the gateway, by the lab's own count. On slirp the gateway must run with {@link LabPass.witness}. */
  async witnessed(): Promise<WitnessCounts> {
    if (this.uplink.kind === 'wire') return onTheWire(await this.counts());
    return witnessCounts(this.#witnessFile, this.endpoint, this.#vpn);
  }

  /** For {@link pass}: the gateway's own witness on a wire too, and a way to give its QEMU orders. */
  get watch(): { readonly witness: string; readonly monitor: string } {
    return { witness: this.#witnessFile, monitor: path.join(this.folder, 'monitor.sock') };
  }

  /** For {@link pass}: the gate looks for a portal where the lab answers, and may be let through to it. */
  get portalPass(): { readonly portal: NonNullable<LabPassPlan['portal']> } {
    const probe = { address: '127.0.0.1', port: this.lookPort };
    return { portal: { probe, addresses: [...LAB.portal.addresses] } };
  }

  /** Lets one gate run against this lab, without `removedDefences` (none unless said). */
  pass(less: PassOptions = {}): LabPass {
    return LabPass.of({
      uplink: this.uplink,
      addressing: this.addressing,
      endpoint: this.endpoint,
      exitCa: this.exitCa,
      removedDefences: [],
      ...(this.uplink.kind === 'user' ? { witness: this.#witnessFile } : {}),
      ...less,
    });
  }

  /** Ends the guest and removes everything it left. Idempotent. */
  async stop(): Promise<void> {
    this.relay?.stop();
    this.#agent.close();
    await this.#machine.kill();
    await emptyFolder(this.folder);
  }

  async #letIn({ client }: Found): Promise<void> {
    switch (this.#vpn) {
      case 'openvpn':
      case 'openvpn-tcp':
        await this.openVpn('right', ...(this.#vpn === 'openvpn' ? [] : (['tcp'] as const)));
        this.#profile = await this.openVpnProfile(this.endpoint);
        break;
      case 'ipsec':
        await this.ipsec('psk');
        this.#profile = ipsecProfile(this.endpoint, { auth: 'psk', psk: await this.ipsecFile('psk') });
        break;
      case 'openconnect':
        await this.openConnect('right');
        this.#profile = await this.openConnectProfile(this.endpoint);
        break;
      case 'wireguard':
        await this.admit(client.publicKey, [`${LAB.client}/32`, `${LAB.ipv6.client}/128`]);
        this.#profile = clientProfile(client, this.serverPublicKey, this.endpoint);
    }
  }

  get #witnessFile(): string {
    return path.join(this.folder, 'witness.pcap');
  }
}

async function boot({ folder, image, installation, overlay }: LabStart): Promise<Machine> {
  const { arch, layers } = image.manifest;
  const qemu = await installation.find(arch);
  const names = layers.map(({ name }) => name);
  const files = await assembleBoot(image, names, overlay ?? new Uint8Array(), folder);
  const argv = labArgv({ ...files, folder, arch, memoryMiB: MEMORY_MIB, wire: wirePaths(folder) }, qemu);
  return Machine.launch({ ...qemu, label: 'the lab', folder, argv });
}

interface Found {
  readonly client: ClientKey;
  readonly serverKey: string;
  readonly exitCa: string;
  readonly publishedPort: number;
  readonly lookPort: number;
  readonly relay: LabRelay | undefined;
}

/** The wire that is the untrusted network: the lab's end, then the gateway's. */
function wirePaths(folder: string): { readonly localPath: string; readonly remotePath: string } {
  return { localPath: path.join(folder, 'wifi.sock'), remotePath: path.join(folder, 'client.sock') };
}

/** Reads along, so that QEMU never waits for a reader. */
function consoleTail(folder: string): () => string[] {
  let text = '';
  const socket = net.connect(path.join(folder, LAB_SOCKETS.serial));
  socket.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('latin1')).slice(-CONSOLE_CHARACTERS);
  });
  socket.on('error', () => {}); // Ends with the machine.
  socket.unref();
  return () => text.split(/\r?\n/);
}
