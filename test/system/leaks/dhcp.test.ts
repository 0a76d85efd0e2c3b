/**
 * A gate whose address comes from the untrusted network (P3, P4; leak cases 1, 2, 43): nothing but DHCP leaves before
 * there is one, what comes with it is ignored, and one that cannot be used opens nothing.
 */
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { foreignFrames, inside, NONE, outcomeOf, statusOf, until, vmgate } from './life-scene.ts';
import { compileProgram, openStage, type Program } from './stage.ts';

jest.setTimeout(180_000);

/** Of the public range that the lab's DHCP gives addresses from: seems to be a neighbour, and is a site of the internet. */
const SEEMING_NEIGHBOUR = '203.0.113.200';

let program: Program;
let stage: Stage;

beforeAll(async () => {
  program = await compileProgram();
  stage = await openStage(program, { attachment: 'wire', dhcp: true });
}, 300_000);

afterAll(async () => {
  await stage?.close();
  await program?.remove();
});

afterEach(async () => {
  expect(await foreignFrames(stage)).toEqual(NONE);
});

/** `vmgate up` against a network that gives nothing usable: what it says, and what left meanwhile. */
async function refusedUp(why: RegExp): Promise<void> {
  await stage.lab.resetCounts();
  const { code, fault, stderr } = await vmgate(stage, 'up');
  expect({ code, fault, stderr }).toEqual({ code: 4, fault: 'GATE_NO_ADDRESS', stderr: expect.stringMatching(why) });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 4, fault: 'GATE_NOT_VERIFIED' });
  expect(await stage.lab.counts()).toMatchObject({ arp: 0, tunnel: 0, foreign: 0, stranger: 0 });
  expect((await stage.lab.counts()).dhcp).toBeGreaterThan(0);
}

/** Addresses that the network gave, as the journal tells. */
function given(): readonly unknown[] {
  return readJournal(stage.gate.journal)
    .filter(({ code }) => code === 'GATE_ADDRESS')
    .map(({ payload }) => payload);
}

test('no answer, then a router that is nobody: exit 4 and why; the gate opens by itself once there is an address', async () => {
  await stage.lab.dhcp('silent');
  await refusedUp(/gave the gateway no usable address: no answer to DHCP/);
  await stage.lab.dhcp('bogus');
  await until('the offer was refused', async () => /router 127.0.0.1 is no host's/.test((await statusOf(stage)).why));
  await refusedUp(/the router 127.0.0.1 is no host's/);
  expect(given()).toEqual([]);
  await stage.lab.dhcp('plain');
  await until('the gate is open', async () => (await statusOf(stage)).phase === 'open');
  expect(given()).toEqual([
    { address: expect.stringMatching(/^192\.168\.77\.1\d\d$/), prefixLength: 24, nextHop: '192.168.77.1' },
  ]);
  expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
});

test.each([
  ['routes that lead around the tunnel (1)', 'routes', '192.168.77.1'],
  ['addresses of a public range (2)', 'public', '203.0.113.129'],
] as const)('%s: the gate opens, all of the work VM goes through the tunnel', async (_, how, router) => {
  await stage.lab.dhcp(how);
  await stage.supervise();
  await stage.lab.resetCounts();
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(given().at(-1)).toMatchObject({ nextHop: router });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  await stage.lab.clearLogs();
  await inside(stage, `wget -q -T 20 -O /dev/null http://${SEEMING_NEIGHBOUR}/in-the-tunnel`);
  const asked = (await stage.lab.httpLog()).filter(({ path }) => path === '/in-the-tunnel');
  expect(asked).toEqual([expect.objectContaining({ source: LAB.exit, destination: SEEMING_NEIGHBOUR })]);
  expect(outcomeOf(await stage.vmgate(['verify']))).toMatchObject({ code: 0 });
  const { dhcp, tunnel, foreign } = await stage.lab.counts();
  expect({ dhcp: dhcp > 0, tunnel: tunnel > 0, foreign }).toEqual({ dhcp: true, tunnel: true, foreign: 0 });
  expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
});
