/** Everything a command line sees of the process it runs in; tests hand in their own. */
import process from 'node:process';

type Terminal = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

export interface Outside {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly cwd: string;
  /** CI is set and is not `false`: versions in vmgate.lock stay what they are. */
  readonly isCi: boolean;
  /** NO_COLOR is set and not empty: no-color.org. */
  readonly noColour: boolean;
  /** Value of VMGATE_ACCEL. */
  readonly forcedAccel: string | undefined;
  /** For the system's ssh: which terminal to ask for, and where the user's agent listens. */
  readonly sshEnvironment: Readonly<Record<string, string>>;
  /** Where windows go; empty where there is no place for them. */
  readonly display: Readonly<Record<string, string>>;
}

export function thisProcess(): Outside {
  const { DISPLAY, WAYLAND_DISPLAY, XAUTHORITY } = process.env;
  const {
    CI: ci = '',
    NO_COLOR: noColour = '',
    TERM: terminal,
    SSH_AUTH_SOCK: agent,
    VMGATE_ACCEL: forcedAccel,
  } = process.env;
  const { stdout, stderr } = process;
  // A reader that went away (`vmgate logs | head`) is no error of ours.
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  return {
    // Opening it costs milliseconds that `status` does not owe.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    cwd: process.cwd(),
    isCi: ci !== '' && ci !== 'false',
    noColour: noColour !== '',
    forcedAccel,
    sshEnvironment: {
      ...(terminal === undefined ? {} : { TERM: terminal }),
      ...(agent === undefined ? {} : { SSH_AUTH_SOCK: agent }),
    },
    display: Object.fromEntries(
      Object.entries({ DISPLAY, WAYLAND_DISPLAY, XAUTHORITY }).flatMap(([name, value]) =>
        value === undefined || value === '' ? [] : [[name, value]],
      ),
    ),
  };
}
