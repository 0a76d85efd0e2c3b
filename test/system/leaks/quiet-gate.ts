/** A gate as users have it, on slirp, with lab, supervisor and commands on a {@link QuietHost}. Its server has a name. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Installation, QemuWorkHost } from '../../../src/drivers/index.ts';
import { type HomeLayout, layoutOf, openGate, openHome } from '../../../src/home/index.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { requireImage } from '../../../src/image/index.ts';
import { LAB, Lab } from '../../../src/lab/index.ts';
import { addProfile } from '../../../src/vpn/index.ts';
import { type Outcome, outcomeOf } from './life-scene.ts';
import { QuietHost } from './quiet-host.ts';
import { type Program, stageImages } from './stage.ts';

/** Of the VPN server, in its profile. */
export const SERVER = 'vpn.quiet.example';

export class QuietGate {
  readonly host: QuietHost;
  readonly lab: Lab;
  readonly home: HomeLayout;
  readonly #program: Program;

  private constructor(host: QuietHost, lab: Lab, home: HomeLayout, program: Program) {
    this.host = host;
    this.lab = lab;
    this.home = home;
    this.#program = program;
  }

  /** A supervisor that waits for `up`. `work` in YAML's flow style; what it names is in `folder`. */
  static async open(program: Program, work: (folder: string) => Promise<string>): Promise<QuietGate> {
    const root = await mkdtemp(path.join(os.tmpdir(), 'vmg-'));
    const undo: (() => Promise<unknown>)[] = [() => rm(root, { recursive: true, force: true })];
    try {
      await symlink(await stageImages(), layoutOf(root).images);
      const home = openHome({ VMGATE_HOME: root });
      const host = await QuietHost.open();
      undo.push(() => host.close());
      const image = await requireImage(home.images, 'lab', hostPlatform().arch);
      const installation = await host.installation();
      const lab = await Lab.start({ folder: path.join(root, 'lab'), attachment: 'user', image, installation });
      undo.push(() => lab.stop());
      await host.resolve(SERVER, lab.endpoint.address);
      const file = path.join(root, 'lab.conf');
      const named = lab.profile.replace(/^Endpoint = [^:]*/m, `Endpoint = ${SERVER}`);
      await writeFile(file, named, { mode: 0o600 });
      await addProfile(home.vpn, 'lab', file, { split: false, dns: [] });
      const exit = `{url: "https://${LAB.siteName}/", expect: [${LAB.exit}/32]}`;
      const config = path.join(root, 'vmgate.yaml');
      await writeFile(config, `version: 1\nvpn: lab\nverify: {exit: ${exit}}\nwork: ${await work(root)}\n`);
      const gate = new QuietGate(host, lab, home, program);
      await gate.#supervise(config);
      return gate;
    } catch (cause) {
      for (const step of undo.reverse()) await step();
      throw cause;
    }
  }

  get gate() {
    return this.home.gate('default');
  }

  async vmgate(...args: readonly string[]): Promise<Outcome & { readonly stdout: string }> {
    const argv = [process.execPath, path.join(this.#program.dist, 'main.js'), ...args];
    const result = await this.host.run(argv, { env: { VMGATE_HOME: this.home.root }, cwd: this.gate.folder });
    return { ...outcomeOf(result), stdout: result.stdout };
  }

  async phase(): Promise<string> {
    return (JSON.parse((await this.vmgate('status', '--json')).stdout) as { phase: string }).phase;
  }

  workRuns(name: string): Promise<boolean> {
    return new QemuWorkHost(new Installation()).isRunning(this.gate.work(name));
  }

  async close(): Promise<void> {
    await this.vmgate('down').catch(() => undefined);
    await this.lab.stop();
    await this.host.close();
    await rm(this.home.root, { recursive: true, force: true });
  }

  async #supervise(config: string): Promise<void> {
    const { folder } = openGate(this.home, 'default');
    const plan = path.join(folder, 'lab.json');
    await writeFile(plan, JSON.stringify(this.lab.pass().plan()));
    const entry = path.join(this.#program.dist, 'lab', 'supervisor-main.js');
    const argv = [process.execPath, '--no-warnings', entry, 'default', config, plan];
    await this.host.serve(argv, { env: { VMGATE_HOME: this.home.root } });
  }
}
