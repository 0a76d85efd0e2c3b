/**
 * A stage: a home folder of its own, a lab, and a gate on that lab's uplink, driven by the real command line in
 * processes of its own. The demo plays on it, and so do the system tests.
 */
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Installation, QemuWorkHost } from '../drivers/index.ts';
import { type HomeLayout, layoutOf, openHome } from '../home/index.ts';
import { hostPlatform, programFile, type RunResult, run } from '../host/index.ts';
import { requireImage } from '../image/index.ts';
import {
  LAB,
  Lab,
  type LabAttachment,
  type LabPassPlan,
  type LabStart,
  type PassOptions,
  superviseInLab,
} from '../lab/index.ts';
import { addProfile, type ProfileLogin } from '../vpn/index.ts';

export interface StageOptions {
  /** The images/ folder of a home where gateway, tiny and lab are built. */
  readonly images: string;
  readonly attachment: LabAttachment;
  /** The compiled command line. */
  readonly program?: string;
  /** Which kind of VPN; WireGuard unless said. */
  readonly vpn?: LabStart['vpn'];
  /** On a wire: a fixed address unless said. */
  readonly dhcp?: boolean;
  /** Other guests and another QEMU than this machine's. The lab stays a guest of the host's kind, on that QEMU. */
  readonly machines?: LabPassPlan['machines'];
  /** Replaces the whole vmgate.yaml. */
  readonly config?: string;
}

/** A whole Linux that starts and is set up, on translated instructions. */
const COMMAND_MS = 400_000;
/** The wire's own DHCP is the lab's to lie with; a fixed address keeps it out of the story. */
const ON_THE_WIRE = { kind: 'static', address: '192.168.77.50', prefixLength: 24, nextHop: LAB.router } as const;
/** The gate's only work VM, as in the docs. */
export const WORK_VM = 'workvm';

const CONFIG = `version: 1
vpn: lab
verify: {exit: {url: "https://${LAB.siteName}/", expect: [${LAB.exit}/32]}}
work: {${WORK_VM}: {template: tiny}}
`;

export class Stage {
  readonly home: HomeLayout;
  readonly lab: Lab;
  readonly #options: StageOptions;

  private constructor(home: HomeLayout, lab: Lab, options: StageOptions) {
    this.home = home;
    this.lab = lab;
    this.#options = options;
  }

  /** Boots the lab and puts the gate's supervisor on it; the gate is down. Nothing is left when it fails. */
  static async open(options: StageOptions): Promise<Stage> {
    const root = await mkdtemp(path.join(os.tmpdir(), 'vmg-'));
    let lab: Lab | undefined;
    try {
      // The images are the user's own cache: only looked at, never copied.
      await symlink(options.images, layoutOf(root).images);
      const home = openHome({ VMGATE_HOME: root });
      lab = await Lab.start({
        folder: path.join(root, 'lab'),
        attachment: options.attachment,
        ...(options.vpn === undefined ? {} : { vpn: options.vpn }),
        image: await requireImage(home.images, 'lab', hostPlatform().arch),
        installation: new Installation({
          cacheFile: path.join(root, 'qemu.json'),
          programs: options.machines?.programs,
        }),
        ...(options.attachment === 'wire' && options.dhcp !== true ? { addressing: ON_THE_WIRE } : {}),
      });
      const stage = new Stage(home, lab, options);
      await stage.#furnish();
      await stage.supervise();
      return stage;
    } catch (cause) {
      await lab?.stop();
      await rm(root, { recursive: true, force: true });
      throw cause;
    }
  }

  get gate() {
    return this.home.gate('default');
  }

  /**
   * A supervisor on the lab's uplink: the first one, or one after another was killed or `down` ended it. `options`: what
   * a drill adds to its pass or takes from it.
   */
  async supervise(options: PassOptions = {}): Promise<void> {
    const { program, machines } = this.#options;
    const pass = this.lab.pass({ ...options, machines });
    const entry = program === undefined ? undefined : path.join(path.dirname(program), 'lab', 'supervisor-main.js');
    await superviseInLab(this.home, 'default', path.join(this.home.root, 'vmgate.yaml'), pass, entry);
  }

  /** Runs `vmgate ARGS` as a user would. `onLine` hears both outputs. */
  vmgate(args: readonly string[], onLine?: (line: string) => void): Promise<RunResult> {
    return run({
      tool: process.execPath,
      argv: [this.#options.program ?? programFile('main'), ...args],
      timeoutMs: COMMAND_MS,
      // Not the home folder: a vmgate.yaml that is found in the current folder has to be confirmed first.
      cwd: this.gate.folder,
      env: { VMGATE_HOME: this.home.root },
      ...(onLine === undefined ? {} : { onLine }),
    });
  }

  /** Whether the work VM has a process: asked of its pidfile's lock. */
  workRuns(name: string = WORK_VM): Promise<boolean> {
    return new QemuWorkHost(new Installation()).isRunning(this.gate.work(name));
  }

  /** Files (sockets included) of the gate's running parts. */
  async leftovers(): Promise<readonly string[]> {
    const folders = [this.gate.run, this.gate.wires, this.gate.lock, this.lab.folder];
    const names = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
    return names.flatMap((found, index) => found.map((name) => path.join(folders[index] ?? '', name)));
  }

  /** Ends everything and removes the stage. Idempotent. */
  async close(): Promise<void> {
    await this.vmgate(['down']).catch(() => undefined);
    await this.lab.stop();
    await rm(this.home.root, { recursive: true, force: true });
  }

  /** As `vmgate vpn add`, but for the lab's server, which is at an address that only the lab may have. */
  async addProfile(name: string, text: string, login?: ProfileLogin): Promise<void> {
    const profile = path.join(this.home.root, `${name}.profile`);
    await writeFile(profile, text, { mode: 0o600 });
    const pass = this.lab.pass();
    await addProfile(this.home.vpn, name, profile, { split: false, dns: [], login }, (address) =>
      pass.allowEndpoint(address),
    );
    await rm(profile);
  }

  async #furnish(): Promise<void> {
    const file = path.join(this.home.root, 'vmgate.yaml');
    await writeFile(file, this.#options.config ?? CONFIG);
    await this.addProfile('lab', this.lab.profile);
  }
}
