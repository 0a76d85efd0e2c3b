/** A bare Debian in a folder: what mmdebstrap calls minimal, this machine's Node and npm, a clone of this checkout. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type RunResult, requireTool, run } from '../../../src/host/index.ts';

const CHECKOUT = path.resolve(import.meta.dirname, '../../..');
const ENTER = path.join(import.meta.dirname, 'enter.sh');
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const MINUTES = 60_000;

/** Neither administrator nor in any group; there is no sudo either. */
export const USER = 'ann';

export interface Typing {
  readonly as: 'root' | typeof USER;
  readonly network?: boolean;
  /** Below the home folder. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class BareSystem {
  /** Not below /tmp: what is mounted `nodev` or `noexec` would be another machine than the one meant. */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(suite: string, folder: string): Promise<BareSystem> {
    const root = mkdtempSync(path.join(folder, `${suite}-`));
    const argv = ['--variant=minbase', '--include=ca-certificates,git', '--skip=output/dev', suite, root];
    const made = await run({ tool: 'mmdebstrap', argv, timeoutMs: 20 * MINUTES, maxBytes: 10_000_000 });
    if (made.code !== 0) throw new Error(`mmdebstrap ended with ${made.code}: ${made.stderr.slice(-2_000)}`);
    const system = new BareSystem(root);
    system.#likeThisMachine();
    await system.type({ as: 'root' }, `useradd --create-home ${USER}`);
    return system;
  }

  /** How packages are reached from here, whatever that takes. Nothing of it is kept. */
  #likeThisMachine(): void {
    for (const file of ['/etc/resolv.conf', '/etc/hosts', CERTIFICATES]) {
      if (existsSync(file)) copyFileSync(realpathSync(file), path.join(this.root, file));
    }
    const apt = execFileSync(requireTool('apt-config'), ['dump', 'Acquire'], { encoding: 'utf8' });
    writeFileSync(path.join(this.root, 'etc/apt/apt.conf.d/90this-machine'), apt.replaceAll(/^Acquire "";$/gm, ''));
    mkdirSync(path.join(this.root, 'small'));
    // mmdebstrap's own device nodes are of no use: enter.sh brings this machine's.
    mkdirSync(path.join(this.root, 'dev'), { recursive: true });
  }

  /** The Node that runs this test, and the npm beside it. */
  bringNode(): void {
    const local = path.join(this.root, 'usr/local');
    copyFileSync(process.execPath, path.join(local, 'bin/node'));
    const npm = path.join(execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim(), 'npm');
    cpSync(npm, path.join(local, 'lib/node_modules/npm'), { recursive: true });
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', path.join(local, 'bin/npm'));
    const settings = ['registry', 'cafile'].map((name) => {
      const value = execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
      return value === 'null' || value === '' ? '' : `${name}=${value}\n`;
    });
    mkdirSync(path.join(local, 'etc'), { recursive: true });
    writeFileSync(path.join(local, 'etc/npmrc'), settings.join(''));
  }

  /** This checkout's last commit, as `git clone` gives it to a user. */
  async clone(folder: string): Promise<void> {
    const bundle = path.join(this.root, 'srv/vmgate.bundle');
    execFileSync('git', ['-C', CHECKOUT, 'bundle', 'create', '--quiet', bundle, 'HEAD']);
    const { code, stderr } = await this.type({ as: USER }, `git clone -q /srv/vmgate.bundle '${folder}'`);
    if (code !== 0) throw new Error(stderr);
  }

  /** A line of shell, as somebody there would type it. No locale, no terminal, no `ps`. */
  type({ as, network = true, folder = '', env = {} }: Typing, line: string): Promise<RunResult> {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const argv = [
      ...[ENTER, this.root, as, ...(network ? [] : ['--no-network'])],
      ...['env', ...variables, 'sh', '-c', 'cd -- "$HOME/$1" && eval "$2"', 'sh', folder, line],
    ];
    return run({ tool: 'sh', argv, stdin: '', timeoutMs: 20 * MINUTES, maxBytes: 10_000_000 });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
