/** The supervisor's own process: started detached by the CLI, ends with `down`. argv: gate, path of vmgate.yaml. */
import { homedir } from 'node:os';
import { asFault } from './loop.ts';
import { superviseGate } from './process.ts';

// The folder it was started in may be on a disk the user wants to unmount.
process.chdir(homedir());
const [gate = '', configPath = ''] = process.argv.slice(2);
superviseGate(gate, configPath).catch((cause: unknown) => {
  process.stderr.write(`${JSON.stringify({ fault: asFault(cause, 'supervisor').serialize() })}\n`);
  process.exitCode = 1;
});
