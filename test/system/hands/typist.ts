/** Somebody at a terminal: a real pty by script(1), keys typed once the screen shows what they answer. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';

const PATIENCE_MS = 60_000;

/** BSD's script(1) has other options. */
export function whyNoTypist(): string | undefined {
  const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' });
  return stdout?.includes('util-linux') === true ? undefined : 'not installed: script of util-linux';
}

export class Typist {
  readonly #script: ChildProcess;
  readonly #ended: Promise<unknown>;
  #screen = '';
  /** What was seen before is not seen again. */
  #read = 0;

  constructor(argv: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
    const words = argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    // A pty made without a terminal has no size, and nobody draws on that.
    const line = `stty cols 120 rows 40; exec ${words}`;
    const { PATH = '/usr/bin:/bin' } = process.env;
    this.#script = spawn('script', ['-qefc', line, '/dev/null'], {
      cwd,
      env: { PATH, TERM: 'xterm', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#ended = once(this.#script, 'close');
    this.#script.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#screen += text;
      this.#script.emit('screen');
    });
  }

  type(keys: string): void {
    this.#script.stdin?.write(keys);
  }

  /** What matched, once the screen shows it. */
  see(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this.screen().slice(this.#read));
        if (match === null) return;
        this.#read += match.index + match[0].length;
        clearTimeout(late);
        this.#script.off('screen', look).off('close', gone);
        resolve(match[0]);
      };
      const never = () => reject(new Error(`never seen: ${pattern}\n${this.screen()}`));
      const gone = () => {
        look();
        clearTimeout(late);
        never();
      };
      const late = setTimeout(never, PATIENCE_MS);
      this.#script.on('screen', look).once('close', gone);
      look();
    });
  }

  screen(): string {
    return stripVTControlCharacters(this.#screen).replaceAll('\r', '');
  }

  /** Whatever a test did not come to: a command that waits for keys would keep the run from ending. */
  leave(): void {
    this.#script.kill('SIGHUP');
    this.#script.stdin?.destroy();
  }

  /** The command's exit status. */
  async end(): Promise<number | null> {
    await this.#ended;
    return this.#script.exitCode;
  }
}
