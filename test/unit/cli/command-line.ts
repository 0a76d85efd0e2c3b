/** One command line in this process: its own home folder, its own project folder, its streams kept. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { Outside } from '../../../src/cli/outside.ts';
import { main } from '../../../src/cli/run.ts';
import { type CodedEvent, occur } from '../../../src/core/coded.ts';
import { layoutOf } from '../../../src/home/index.ts';
import { events } from '../../../src/supervisor/codes.ts';
import type { StatusReport } from '../../../src/supervisor/protocol.ts';
import { type Exchange, type Handler, type RequestServer, serve } from '../../../src/supervisor/server.ts';
import { receiptBindingOf, receiptFacts } from '../core/receipt-facts.ts';

export interface Typed {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON lines. */
  readonly json: () => readonly Record<string, unknown>[];
}

export const CONFIG = 'version: 1\nvpn: acme\nwork: {web: {template: tiny}, bank: {template: tiny}}\n';
export const PROFILE = path.join(import.meta.dirname, '../vpn/profiles/full.conf');

export class Laptop {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'vgc-'));
  readonly home = path.join(this.folder, 'h');
  readonly project = path.join(this.folder, 'p');
  readonly layout = layoutOf(this.home);
  readonly #servers: RequestServer[] = [];

  constructor() {
    mkdirSync(this.project);
    mkdirSync(this.home, { mode: 0o700 });
  }

  write(name: string, text: string): string {
    const file = path.join(this.project, name);
    writeFileSync(file, text);
    return file;
  }

  read(name: string): string {
    return readFileSync(path.join(this.project, name), 'utf8');
  }

  async type(...argv: readonly string[]): Promise<Typed> {
    return this.typeWith({}, ...argv);
  }

  async typeWith(more: Partial<Outside>, ...argv: readonly string[]): Promise<Typed> {
    const [stdout, stderr] = [kept(), kept()];
    const stdin = new PassThrough();
    const { VMGATE_HOME: before } = process.env;
    process.env['VMGATE_HOME'] = this.home;
    const umask = process.umask();
    try {
      const exit = await main(argv, {
        stdin,
        stdout: stdout.stream,
        stderr: stderr.stream,
        cwd: this.project,
        isCi: false,
        noColour: true,
        forcedAccel: 'tcg',
        sshEnvironment: {},
        display: {},
        ...more,
      });
      const lines = () => stdout.text().trimEnd().split('\n');
      return {
        exit,
        stdout: stdout.text(),
        stderr: stderr.text(),
        json: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>),
      };
    } finally {
      process.umask(umask);
      if (before === undefined) delete process.env['VMGATE_HOME'];
      else process.env['VMGATE_HOME'] = before;
    }
  }

  /** A supervisor that says what it is told to say. */
  async supervise(handle: Handler, gate = 'default'): Promise<void> {
    const layout = this.layout.gate(gate);
    mkdirSync(layout.folder, { recursive: true, mode: 0o700 });
    this.#servers.push(await serve(layout.socket, handle));
  }

  /** Every supervisor ends. */
  unsupervise(): void {
    for (const server of this.#servers.splice(0)) void server.close();
  }

  clear(): void {
    this.unsupervise();
    chmodSync(this.home, 0o700);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function kept() {
  const chunks: Buffer[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}

export function report(more: Partial<StatusReport> = {}): StatusReport {
  return {
    version: 1,
    gate: 'default',
    phase: 'open',
    since: '2026-01-02T03:04:05.678Z',
    why: '',
    claim: { kind: 'address', address: '203.0.113.9' },
    vpn: { profile: 'acme', endpoint: '198.51.100.10:51820' },
    receipt: { expiresInMs: 42_000, binding: receiptBindingOf(receiptFacts()) },
    verdicts: [],
    work: [
      { name: 'web', status: 'running', linkUp: true, address: '10.75.1.2', pid: 4711 },
      { name: 'bank', status: 'stopped', linkUp: false, address: '10.75.2.2', pid: null },
    ],
    uplink: {
      passed: { wireguard: { frames: 12, bytes: 1_500 } },
      held: 0,
      foreign: 0,
      canaries: 0,
      overrun: 0,
      unrecorded: 0,
    },
    traffic: { since: '2026-01-02T03:00:00.000Z', outBytes: 340_000_000, inBytes: 1_234_000_000, blocked: 0, held: 7 },
    host: { listeners: 0, connections: 0 },
    unwritten: { events: 0, frames: 0 },
    config: { path: '/p/vmgate.yaml', digest: 'sha256:0', changed: false },
    supervisor: { pid: 4_710 },
    ignoredEnvironment: [],
    lastEvent: null,
    ...more,
  };
}

/** Answers `status` with `now` and everything else by verb; a verb that is not there was not expected. */
export function scripted(
  now: StatusReport,
  verbs: Partial<Record<string, (exchange: Exchange) => unknown>> = {},
): Handler & { readonly asked: string[] } {
  const asked: string[] = [];
  const handle: Handler = async (request, exchange) => {
    if (request.verb === 'status') return now;
    asked.push(JSON.stringify({ ...request, id: undefined }));
    const answer = verbs[request.verb];
    if (answer === undefined) throw new Error(`nobody expected ${request.verb}`);
    return answer(exchange);
  };
  return Object.assign(handle, { asked });
}

export function phaseEvent(phase: 'booting' | 'open'): CodedEvent {
  return occur(events.GATE_PHASE, { gate: 'default', phase, why: '' });
}
