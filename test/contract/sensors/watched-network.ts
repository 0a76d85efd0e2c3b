/**
 * The network sensor as a program, to be run in a network namespace of its own. argv: address to watch, resolv.conf.
 * stdin: lines for ip(8), `look`, or `kill PATTERN`. stdout: what is noticed, a JSON line each.
 */
import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { hostNetwork, NetworkSensor } from '../../../src/sensors/index.ts';

const [target = '', resolvConf] = process.argv.slice(2);
const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`);

const sensor = new NetworkSensor(hostNetwork(resolvConf), {
  notice: (notice) =>
    say(
      notice.kind === 'shaken'
        ? { shaken: notice.fault.code, payload: notice.fault.payload }
        : { stirred: notice.changes },
    ),
  record: ({ code, text }) => say({ record: code, text }),
});

const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  if (line === 'watch') void sensor.watch(target).then(() => say({ watching: target }));
  else {
    execFileSync('ip', line.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] });
    say({ did: line });
  }
});
orders.on('close', () => {
  sensor.close();
  // Timers of its tool are nobody's reason to stay.
  setTimeout(() => process.exit(), 100);
});
