/** Which port of the host's loopback slirp forwards to the lab: chosen by the kernel, known to QEMU alone. */
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import type { Machine } from '../drivers/index.ts';
import { errors } from './codes.ts';

/** @throws LAB_NOT_PUBLISHED when `info usernet` has no such line */
export async function publishedPort(
  qmp: Pick<Machine['qmp'], 'execute'>,
  protocol: 'udp' | 'tcp' = 'udp',
): Promise<number> {
  const answer = await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' });
  const said = z.string().max(65_536).parse(answer);
  // `  UDP[HOST_FORWARD]  11       127.0.0.1 36193       10.0.2.15 51820     0     0`
  const forwards = {
    udp: /UDP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s/,
    tcp: /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s/,
  };
  const port = Number(forwards[protocol].exec(said)?.[1]);
  if (Number.isInteger(port) && port > 0) return port;
  throw VmgateError.of(errors.LAB_NOT_PUBLISHED, { said: said.slice(0, 200) }, { evidence: said.split('\r\n') });
}
