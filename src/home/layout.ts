/** Where everything lives under the home folder. Pure: names only, nothing is touched. docs/files-on-disk.md explains each. */
import path from 'node:path';

export interface GateLayout {
  readonly folder: string;
  /** Held for the life of a supervisor; taken before QEMU binds anything. */
  readonly lock: string;
  /** Supervisor's socket, 0600. */
  readonly socket: string;
  readonly journal: string;
  /** What went through, a line a minute. */
  readonly samples: string;
  readonly supervisorLog: string;
  /** Path of the vmgate.yaml the gate was last brought up from: for commands typed elsewhere, and after a crash. */
  readonly origin: string;
  /** The gateway process: sockets, pidfile, image copies. Emptied when it ends. */
  readonly run: string;
  /** dgram sockets of the work links. */
  readonly wires: string;
  /** Evidence ring of the guard. */
  readonly evidence: string;
  readonly receipts: string;
  readonly work: (name: string) => string;
}

export interface HomeLayout {
  readonly root: string;
  readonly vpn: string;
  readonly images: string;
  readonly templates: string;
  readonly keys: string;
  readonly trusted: string;
  readonly gates: string;
  /** The configuration as a command read it last; only saves reading it again. */
  readonly recent: string;
  readonly gate: (name: string) => GateLayout;
}

/** Longest sun_path that macOS binds, without the closing NUL: unix(4). Linux allows 107. */
export const MAX_SOCKET_PATH = 103;

export function layoutOf(root: string): HomeLayout {
  const gates = path.join(root, 'gates');
  return {
    root,
    vpn: path.join(root, 'vpn'),
    images: path.join(root, 'images'),
    templates: path.join(root, 'templates'),
    keys: path.join(root, 'keys'),
    trusted: path.join(root, 'trusted.json'),
    gates,
    recent: path.join(root, 'recent.json'),
    gate: (name) => {
      const folder = path.join(gates, name);
      return {
        folder,
        lock: path.join(folder, 'lock'),
        socket: path.join(folder, 'ctl.sock'),
        journal: path.join(folder, 'journal.jsonl'),
        samples: path.join(folder, 'samples.jsonl'),
        origin: path.join(folder, 'origin'),
        supervisorLog: path.join(folder, 'supervisor.log'),
        run: path.join(folder, 'gw'),
        wires: path.join(folder, 'w'),
        evidence: path.join(folder, 'evidence'),
        receipts: path.join(folder, 'receipts'),
        work: (vm) => path.join(folder, 'vm', vm),
      };
    },
  };
}
