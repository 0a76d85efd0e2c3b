/**
 * A gate as users have it, on a machine that writes down whom anybody speaks to; and one on the lab's wire. Idle they say
 * nothing that names anybody; commands say nothing at all but the server's name; forged receipts and hostile disks get no
 * work VM started.
 *
 * @leakCase 40 user: a receipt that was forged or put back starts no work VM, with the real command
 * @leakCase 43 both: an idle gate says nothing in clear by itself, and nothing that names anybody in the tunnel
 * @leakCase 66 user: a disk that reaches outside starts no work VM, with the real command and an open gate; nothing is
 *   opened, nobody is dialled
 * @leakCase 69 user: commands and supervisor send nothing but the lookup of the server's name
 */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ReceiptContent } from '../../../src/core/receipt.ts';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import { installationKey, loadReceipt, receiptPath, writeReceipt } from '../../../src/trust/index.ts';
import { type HostileDisk, hostileDisks, NBD_PORT, type Tripwire, tripwire } from '../../system/leaks/hostile-disks.ts';
import { expectNameless, gatewayOf, talkative } from '../../system/leaks/idle-uplink.ts';
import { until, vmgate } from '../../system/leaks/life-scene.ts';
import { openWithWork } from '../../system/leaks/persistent-start.ts';
import { QuietGate, SERVER } from '../../system/leaks/quiet-gate.ts';
import { compileProgram, openStage, type Program } from '../../system/leaks/stage.ts';

jest.setTimeout(150_000);
const IDLE_MS = 30_000;
/** A second one, to be refused. */
const SECOND = 'second';

let program: Program;
let wired: Stage;
let quiet: QuietGate;
let disks: readonly HostileDisk[];
const tripwires: Tripwire[] = [];
let idleSince: number;

beforeAll(async () => {
  program = await compileProgram();
  [wired, quiet] = await Promise.all([
    openStage(program, { attachment: 'wire' }),
    QuietGate.open(program, async (folder) => {
      const [secret, data] = [path.join(folder, 'secret'), path.join(folder, 'data')];
      disks = await hostileDisks(folder, secret, data);
      for (const file of [secret, data]) tripwires.push(await tripwire(file));
      const hostile = disks.map(({ vm, file }) => `${vm}: {disk: ${JSON.stringify(file)}}`);
      return `{${[WORK_VM, SECOND].map((name) => `${name}: {template: tiny}`).join(', ')}, ${hostile.join(', ')}}`;
    }),
  ]);
  await Promise.all([
    openWithWork((...argv) => vmgate(wired, ...argv)),
    openWithWork((...argv) => quiet.vmgate(...argv)),
  ]);
  idleSince = performance.now();
}, 400_000);

afterAll(async () => {
  for (const wire of tripwires) await wire.remove();
  await quiet?.close();
  await wired?.close();
  await program?.remove();
}, 60_000);

const isOpen = async () => (await quiet.phase()) === 'open';
/** All that may be said: ciphertext to the server, which the lab publishes here, and the question for its name. */
const ALLOWED = () => [`127.0.0.1 udp ${quiet.lab.endpoint.port}`, '192.0.2.53 udp 53'].toSorted();

async function expectQuiet(): Promise<void> {
  expect(await quiet.host.said()).toEqual(ALLOWED());
  const { questions } = quiet.host;
  expect(new Set(questions.map(({ name }) => name))).toEqual(new Set([SERVER]));
  expect(questions.filter(({ type }) => type !== 1 && type !== 28)).toEqual([]);
  // One lookup for each time the gate connected, by its journal; getaddrinfo(3) may ask twice.
  const pinned = readJournal(quiet.gate.journal).filter(({ code }) => code === 'GATE_PINNED');
  expect(questions.length).toBeLessThanOrEqual(3 * (pinned.length + 1));
}

test('case 69: after up and start: the lookup of the server, once for each connect, and ciphertext', expectQuiet);

describe('idle for half a minute', () => {
  beforeAll(() => delay(Math.max(0, IDLE_MS - (performance.now() - idleSince))));

  test('case 43, wire: only ARP for the next hop and the tunnel, and nobody named', async () => {
    await expectNameless(wired.lab, gatewayOf(wired.lab, wired.gate));
  });

  test('case 43, user: only ARP for the next hop and the tunnel, and nobody named', async () => {
    await expectNameless(quiet.lab, gatewayOf(quiet.lab, quiet.gate));
    expect(await quiet.host.said()).toEqual(ALLOWED());
  });
});

/** Says so once it did what it should: a busy machine closes a gate for a moment now and then. */
async function insist(...argv: readonly string[]): Promise<void> {
  await until(argv.join(' '), async () => {
    await until('the gate is open', isOpen);
    return (await quiet.vmgate(...argv)).code === 0;
  });
}

describe('case 69: a command says nothing', () => {
  test.each([
    'status',
    'status --json',
    'verify',
    'logs',
    'logs --gateway',
    'evidence',
    'receipt show',
    'receipt check',
    'vpn list',
    'vpn show lab',
    'image list',
    'ssh-config',
    `ssh ${WORK_VM} -- true`,
    'up',
    '--version',
    'help',
  ])('%s', async (line) => {
    await insist(...line.split(' '));
    await expectQuiet();
  });

  test('doctor, whatever it finds', async () => {
    expect((await quiet.vmgate('doctor')).stdout).toContain('node');
    await expectQuiet();
  });
});

describe('a disk that reaches outside', () => {
  test.each(['file', 'old', 'url', 'json', 'data'])('case 66: %s: exit 4, no work VM, nothing opened', async (vm) => {
    await until('the gate is open', isOpen);
    const disk = disks.find((each) => each.vm === vm);
    const { code, fault, stderr } = await quiet.vmgate('start', vm);
    expect({ code, fault }).toEqual({ code: 4, fault: disk?.code });
    expect(stderr).toContain(disk?.named);
    expect(await quiet.workRuns(vm)).toBe(false);
    expect(tripwires.filter((wire) => wire.tripped())).toEqual([]);
    expect(await quiet.host.said()).toEqual(ALLOWED());
  });
});

describe('receipts', () => {
  let kept: string;
  let old: string;
  beforeAll(async () => {
    kept = await mkdtemp(path.join(os.tmpdir(), 'vmg-rc-'));
    old = path.join(kept, 'receipt.json');
    await until('the gate is open', isOpen);
    for (const end of ['', '.sig']) await copyFile(`${stored()}${end}`, `${old}${end}`);
  });
  afterAll(() => rm(kept, { recursive: true, force: true }));

  const stored = () => receiptPath(quiet.gate.receipts);
  const putBack = async () => {
    for (const end of ['', '.sig']) await copyFile(`${old}${end}`, `${stored()}${end}`);
  };
  const current = async (): Promise<ReceiptContent> =>
    (await loadReceipt(old, await installationKey(quiet.home.keys))).receipt;
  const refused = async (check: RegExp) => {
    expect(await quiet.vmgate('start', SECOND)).toMatchObject({ code: 4, fault: 'GATE_NOT_VERIFIED' });
    expect(await quiet.workRuns(SECOND)).toBe(false);
    expect(await quiet.vmgate('receipt', 'check')).toMatchObject({ code: 4, fault: expect.stringMatching(check) });
  };

  test('case 40, anti-test: the copy of a good one checks while its gate is open', async () => {
    expect(await quiet.vmgate('receipt', 'check', old)).toMatchObject({ code: 0 });
  });

  describe('of a gate that is closed', () => {
    beforeAll(async () => {
      await quiet.lab.fault('tunnel-silent', true);
      await until('the gate is closed', async () => !(await isOpen()));
    });

    test('case 40: the old one, put back where the gate keeps its own', async () => {
      await putBack();
      await refused(/^RECEIPT_(REVOKED|EXPIRED)$/);
    });

    test('case 40: one signed with another key', async () => {
      await writeReceipt(quiet.gate.receipts, await current(), await installationKey(path.join(kept, 'keys')));
      await refused(/^RECEIPT_FOREIGN_SIGNER$/);
    });

    test('case 40: one written by hand', async () => {
      await rm(`${stored()}.sig`);
      await writeFile(stored(), JSON.stringify(await current()));
      await refused(/^RECEIPT_UNSIGNED$/);
    });
  });

  test('case 40: the old one, after the gate connected anew', async () => {
    await quiet.lab.fault('tunnel-silent', false);
    await until('the gate is open', isOpen);
    const check = await quiet.vmgate('receipt', 'check', old);
    expect(check).toMatchObject({ code: 4, fault: expect.stringMatching(/^RECEIPT_(REPLACED|EXPIRED)$/) });
    expect(await quiet.vmgate('receipt', 'check')).toMatchObject({ code: 0 });
  });

  test('case 40: the old one, after down', async () => {
    expect(await quiet.vmgate('down')).toMatchObject({ code: 0 });
    await putBack();
    await refused(/^RECEIPT_(REVOKED|EXPIRED)$/);
  });

  test('case 69: nor did stop, down and all these refusals say anything', expectQuiet);
});

describe('what would have been noticed', () => {
  test('case 69, anti-test: an update check, a time query, a lookup', async () => {
    const chatter = `
      require('node:dgram').createSocket('udp4').send('ntp', 123, '203.0.113.123');
      require('node:net').connect(443, '203.0.113.80').on('error', () => {});
      require('node:dns').lookup('updates.example', () => process.exit());`;
    await quiet.host.run([process.execPath, '-e', chatter]);
    const more = ['203.0.113.123 udp 123', '203.0.113.80 tcp 443'];
    expect(await quiet.host.said()).toEqual([...ALLOWED(), ...more].toSorted());
    expect(quiet.host.questions).toContainEqual({ type: 1, name: 'updates.example' });
  });

  test('case 66, anti-test: qemu-img follows the file, the data file and the URL', async () => {
    // `info` leaves a data file alone, `map` does not.
    for (const { file } of disks) {
      for (const argv of [['info', '--backing-chain'], ['map']])
        await quiet.host.run(['timeout', '5', 'qemu-img', ...argv, file]);
    }
    await until('both files were opened', () => tripwires.every((wire) => wire.tripped()), 5_000);
    expect(await quiet.host.said()).toContain(`127.0.0.1 tcp ${NBD_PORT}`);
  });

  test('case 43, anti-test: a guest that names itself, asks for the time and for names, on the wire', async () => {
    expect(await vmgate(wired, 'down')).toMatchObject({ code: 0 });
    const told = await talkative(wired.lab);
    expect(told).toMatch(/:123/);
    expect(told).toMatch(/:53/);
    expect(told).toContain('DHCP option 12: "anns-laptop"');
  });
});
