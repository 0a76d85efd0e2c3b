/** A QEMU as subject of the conformance suite, with a guest of seventy bytes. */
import { execFile } from 'node:child_process';
import net from 'node:net';
import { promisify } from 'node:util';
import type { RunningWork } from '../../../src/drivers/driver.ts';
import { type Installation, QemuGatewayHost, QemuWorkHost } from '../../../src/drivers/index.ts';
import type { Subject } from './conformance.ts';
import { HELLO, POWER_OFF } from './tiny-kernel.ts';

export function qemuSubject(installation: Installation): Subject {
  return {
    gatewayHost: () => new QemuGatewayHost(installation),
    workHost: () => new QemuWorkHost(installation),
    murder: (pid) => {
      process.kill(pid, 'SIGKILL');
    },
    guestPowersOff: typePowerOff,
    makeDisk: async (overlay, base) => {
      const format = base.endsWith('raw') ? 'raw' : 'qcow2';
      await qemuImg('create', '-q', '-f', format, base, '8M');
      await qemuImg('create', '-q', '-f', 'qcow2', '-F', format, '-b', base, overlay);
    },
  };
}

function qemuImg(...argv: string[]) {
  return promisify(execFile)('qemu-img', argv);
}

/** The guest may have said hello before we listened; it answers whatever it is sent. */
function typePowerOff(work: RunningWork): Promise<void> {
  return new Promise((resolve) => {
    const console = net.connect(work.consolePath);
    let heard = '';
    const knock = setInterval(() => console.write('?'), 50);
    console.on('error', () => {}); // A reset, when the guest is off before it read our last knock.
    console.on('data', (chunk) => {
      heard += String(chunk);
      if (heard.includes(HELLO) || heard.includes('?')) console.write(POWER_OFF);
    });
    console.on('close', () => {
      clearInterval(knock);
      resolve();
    });
  });
}
