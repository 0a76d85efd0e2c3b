/** What a gate hears of the machine that it runs on: its own, or a lab's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { LabPass } from '../../../src/lab/pass.ts';
import { machineSenses } from '../../../src/supervisor/senses.ts';
import type { World } from '../../../src/supervisor/world.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-senses-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a gate on a lab', () => {
  const plan = {
    uplink: { kind: 'user' as const },
    addressing: { kind: 'static' as const, address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' },
    endpoint: { address: '10.0.2.2', port: 40_000 },
    exitCa: '',
    removedDefences: [],
  };
  const watched = (pass: LabPass) => {
    const heard: string[] = [];
    const world = { lab: pass, record: () => undefined } as unknown as World;
    return { heard, watch: machineSenses().watchNetwork(world, ({ kind }) => heard.push(kind)) };
  };

  test('hears nothing of this machine’s network', async () => {
    const { watch } = watched(LabPass.of(plan));
    await watch.watch('10.0.2.2');
    watch.close();
    expect(machineSenses().timeLost()).toBeUndefined();
  });

  test('hears of what its lab names in its stead', async () => {
    const resolvConf = path.join(folder, 'resolv.conf');
    writeFileSync(resolvConf, 'nameserver 192.168.1.1\n');
    const { watch, heard } = watched(LabPass.of({ ...plan, network: { toward: '127.0.0.1', resolvConf } }));
    await watch.watch('10.0.2.2');
    writeFileSync(resolvConf, 'nameserver 10.31.0.1\n');
    while (!heard.includes('shaken')) await new Promise((resolve) => setTimeout(resolve, 50));
    watch.close();
  });
});

test('a gate on no lab watches this machine, and lets go of it', async () => {
  const world = { lab: undefined, record: () => undefined } as unknown as World;
  const watch = machineSenses().watchNetwork(world, () => undefined);
  await watch.watch('192.0.2.1');
  watch.close();
  await watch.watch('192.0.2.1');
});
