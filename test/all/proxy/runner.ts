/** A command of vmgate's that runs on, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Stage } from '../../../src/demo/index.ts';
import type { Program } from '../../system/leaks/stage.ts';

const PATIENCE_MS = 30_000;

export class Runner {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor({ dist }: Program, stage: Stage, ...argv: readonly string[]) {
    this.#child = spawn(process.execPath, [path.join(dist, 'main.js'), ...argv], {
      cwd: stage.gate.folder,
      env: { HOME: process.env['HOME'], PATH: process.env['PATH'], VMGATE_HOME: stage.home.root },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString('latin1');
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('latin1');
    });
  }

  /** Whole ones. */
  get lines(): readonly string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Its stdout up to the first line feed. */
  async firstLine(): Promise<string> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (!this.stdout.includes('\n')) {
      if (this.hasEnded) throw new Error(`it ended: ${this.stderr}`);
      await once(this.#child.stdout ?? this.#child, 'data', { signal });
    }
    return this.stdout.slice(0, this.stdout.indexOf('\n'));
  }

  /** Ctrl-C, as a terminal would. @returns its exit status */
  interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.#ended;
  }

  end(): Promise<number | null> {
    return this.#ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
