/** Starts the guard's process and holds the pipe whose end is the guard's end. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { VmgateError } from '../core/coded.ts';
import type { Endpoint, PortalPolicy, TunnelPolicy, UplinkIdentity } from '../core/policy/egress-policy.ts';
import { LineSplitter, monotonicMs, parseJson, programFile, wallMs } from '../host/index.ts';
import { errors } from './codes.ts';
import type { Guard } from './guard.ts';
import { type GuardOrder, type GuardReport, guardReport, MAX_ARM_MS } from './protocol.ts';

export interface GuardStart {
  readonly setup: Omit<Extract<GuardOrder, { type: 'setup' }>, 'type'>;
  /** The gateway's uplink as it boots: until `setPolicy` nothing but its ARP (and DHCP) is allowed. */
  readonly uplink: UplinkIdentity;
  /** The program to run; the lab has one that lets everything pass. */
  readonly entry?: string;
  /** For the process to be up and connected to the gateway's sockets; 5 s unless said. */
  readonly timeoutMs?: number;
}

type Process = ChildProcessByStdio<Writable, Readable, Readable>;
type Sync = Awaited<ReturnType<Guard['sync']>>;

/** It reads what a gateway sends, byte by byte, and has no use for turning text into code. */
const NODE_FLAGS = ['--disallow-code-generation-from-strings'];
const READY_MS = 5_000;
const SYNC_MS = 2_000;
const KEPT_STDERR = 4_096;
const KEPT_REPORTS = 64;

/**
 * Resolves when the guard is connected to both sockets; it passes nothing before `arm`. When the caller dies the pipe
 * closes and the guard ends.
 *
 * @throws GUARD_NOT_STARTED
 */
export async function startGuard(start: GuardStart): Promise<Guard> {
  const entry = start.entry ?? programFile('guard/main');
  // An empty environment: NODE_OPTIONS and the like must not reach the process that holds the promise.
  const child = spawn(process.execPath, [...NODE_FLAGS, entry], {
    env: {},
    cwd: '/',
    shell: false,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const guard = new GuardProcess(child);
  guard.order({ type: 'setup', ...start.setup });
  guard.setPolicy(start.uplink, []);
  try {
    await guard.ready(start.timeoutMs ?? READY_MS);
    return guard;
  } catch (cause) {
    await guard.kill();
    throw cause;
  }
}

function listed({ resolver, names, addresses }: PortalPolicy) {
  return { resolver, names: [...names], addresses: [...addresses] };
}

class GuardProcess implements Guard {
  readonly pid: number;
  readonly ended: Promise<string>;
  readonly #child: Process;
  readonly #listeners = new Set<(report: GuardReport) => void>();
  readonly #syncs = new Map<number, (answer: Sync) => void>();
  /** Reports kept until somebody listens; undefined afterwards. */
  #early: GuardReport[] | undefined = [];
  #nextSync = 1;

  constructor(child: Process) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-KEPT_STDERR);
    });
    this.ended = new Promise((resolve) => {
      child.once('error', (cause) => resolve(`could not be started: ${cause.message}`));
      child.once('exit', (code, signal) => {
        const how = signal === null ? `ended with status ${code ?? '?'}` : `was ended by ${signal}`;
        const last = stderr.trim().split('\n').at(-1) ?? '';
        resolve(last === '' ? how : `${how}: ${last}`);
      });
    });
    child.stdin.on('error', () => {}); // EPIPE: `ended` says it.
    const lines = new LineSplitter((line) => this.#read(line));
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
  }

  ready(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer);
        reject(VmgateError.of(errors.GUARD_NOT_STARTED, { why }));
      };
      const timer = setTimeout(() => fail(`it was not ready after ${timeoutMs} ms`), timeoutMs);
      const listener = (report: GuardReport) => {
        if (report.type === 'gateway-lost') fail(report.why);
        if (report.type !== 'ready') return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
      void this.ended.then((how) => fail(`it ${how}`));
    });
  }

  setPolicy(
    { mac, address, nextHop, dhcp }: UplinkIdentity,
    endpoints: readonly Endpoint[],
    tunnel?: Pick<TunnelPolicy, 'localPort' | 'mtu'>,
  ): void {
    this.order({
      type: 'policy',
      uplink: { mac, address, nextHop, dhcp },
      endpoints: endpoints.map(({ address: at, port, protocol, shape }) => ({ address: at, port, protocol, shape })),
      tunnel: tunnel === undefined ? undefined : { localPort: tunnel.localPort, mtu: tunnel.mtu },
    });
  }

  setPortal({ mac, address, nextHop, dhcp }: UplinkIdentity, portal: PortalPolicy): void {
    const uplink = { mac, address, nextHop, dhcp };
    this.order({ type: 'policy', uplink, endpoints: [], portal: listed(portal) });
  }

  extendPortal(portal: PortalPolicy): void {
    this.order({ type: 'portal', portal: listed(portal) });
  }

  arm(generation: number, forMs: number): void {
    // A guard that does not read its orders needs no more of them: they would all be late.
    if (this.#child.stdin.writableNeedDrain) return;
    const ms = Math.min(forMs, MAX_ARM_MS);
    this.order({ type: 'arm', generation, monotonicMs: monotonicMs() + ms, wallMs: wallMs() + ms });
  }

  disarm(): void {
    this.order({ type: 'disarm' });
  }

  watchFor(tokens: readonly string[]): void {
    this.order({ type: 'canaries', tokens: [...tokens] });
  }

  sync(timeoutMs: number = SYNC_MS): Promise<Sync> {
    const id = this.#nextSync;
    this.#nextSync += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#syncs.delete(id);
        reject(VmgateError.of(errors.GUARD_SILENT, { timeoutMs }));
      }, timeoutMs);
      this.#syncs.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.order({ type: 'sync', id });
    });
  }

  onReport(listener: (report: GuardReport) => void): void {
    this.#listeners.add(listener);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const report of early) listener(report);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  order(order: GuardOrder): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  #read(line: string): void {
    const parsed = guardReport.safeParse(parseJson(line));
    if (!parsed.success) {
      // Our own program speaks this pipe; whatever else it is now, it guards nothing.
      this.#child.kill('SIGKILL');
      return;
    }
    const report = parsed.data;
    if (report.type === 'sync') {
      this.#syncs.get(report.id)?.({ counts: report.counts, armed: report.armed });
      this.#syncs.delete(report.id);
    }
    if (this.#early !== undefined) this.#early = [...this.#early, report].slice(-KEPT_REPORTS);
    for (const listener of this.#listeners) listener(report);
  }
}
