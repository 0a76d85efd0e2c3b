/** A gate on an uplink whose address the local network gives: asked for behind a guard that lets out DHCP alone. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { errors } from '../../../src/gateway/codes.ts';
import { readJournal } from '../../../src/home/index.ts';
import { LabPass } from '../../../src/lab/pass.ts';
import type { StatusReport } from '../../../src/supervisor/protocol.ts';
import { Stand } from './stand.ts';

jest.setTimeout(20_000);

const DHCP_ALONE = 'DHCP, no address to 0 endpoints';
const offer = (address: string, nextHop = '192.168.77.1') => ({ v: 1 as const, address, prefixLength: 24, nextHop });

let stand: Stand;
beforeEach(async () => {
  stand = await Stand.open();
  stand.pass = LabPass.of({
    uplink: { kind: 'wire', localPath: '/nowhere/a', remotePath: '/nowhere/b' },
    addressing: { kind: 'dhcp' },
    endpoint: { address: '9.9.9.9', port: 51_820 },
    exitCa: '',
    removedDefences: [],
  });
  await stand.supervise();
});
afterEach(() => stand.close());

test('of a lab’s gate no desktop hears', async () => {
  stand.parts.weather.offer = () => offer('192.168.77.101');
  await stand.up();
  expect(await stand.phase()).toBe('open');
  expect(stand.notifications).toEqual([]);
});

const given = () =>
  readJournal(stand.layout.journal)
    .filter(({ code }) => code === 'GATE_ADDRESS')
    .map(({ text }) => text);

test('the guard passes DHCP alone, then what the address it was given needs; the journal tells the address', async () => {
  stand.parts.weather.offer = () => offer('192.168.77.101');
  await stand.up();
  expect(await stand.phase()).toBe('open');
  expect(stand.parts.guard.armedFor).toEqual([DHCP_ALONE, 'DHCP, 192.168.77.101 to 1 endpoints']);
  expect(stand.parts.control.said.slice(0, 5)).toEqual(['apply', 'uplink', 'clock', 'apply', 'tunnel']);
  expect(given()).toEqual(['the local network gave the gateway 192.168.77.101/24, router 192.168.77.1']);
});

test.each<[string, () => ReturnType<typeof offer>, string]>([
  ['an address that is no host’s', () => offer('127.0.0.9', '127.0.0.1'), 'the address 127.0.0.9 is no host'],
  ['a router elsewhere', () => offer('192.168.77.9', '8.8.8.8'), 'the router 8.8.8.8 is not in the network'],
  ['an address of the tunnel’s inside', () => offer('10.66.0.1', '10.66.0.9'), 'is in use inside the gate'],
  ['a work VM’s address', () => offer('10.213.0.2', '10.213.0.77'), 'is in use inside the gate'],
  [
    'nothing',
    () => {
      throw VmgateError.of(errors.GATEWAY_VERB_FAILED, { verb: 'uplink', step: 'udhcpc' });
    },
    'no answer to DHCP',
  ],
])(
  'the network offers %s: exit 4, closed, retried with the same gateway; then it opens by itself',
  async (_, bad, why) => {
    stand.parts.weather.offer = bad;
    await expect(stand.up()).rejects.toMatchObject({ code: 'GATE_NO_ADDRESS', exit: 4 });
    const status = (await stand.ask({ verb: 'status' })) as StatusReport;
    expect(status.why).toContain(`the local network gave the gateway no usable address: `);
    expect(status.why).toContain(why);
    expect(stand.parts.guard.armedFor).toEqual([DHCP_ALONE]);
    expect(stand.parts.guard.isArmed && status.phase === 'closed').toBe(false);
    stand.parts.weather.offer = () => offer('192.168.77.101');
    await stand.until(async () => (await stand.phase()) === 'open');
    expect(stand.parts.guards).toHaveLength(1);
  },
);

test('the network gives another address: closed, connected again with it, by the same gateway', async () => {
  stand.parts.weather.offer = () => offer('192.168.77.101');
  await stand.up();
  await stand.ask({ verb: 'start', name: 'a' });
  stand.parts.weather.offer = () => offer('192.168.77.202');
  // What the routes check says of it: test/unit/core/checks/routes.test.ts.
  stand.parts.weather.outcomes.set('routes', 'unknown');
  await stand.until(() => stand.vm('a')?.link === 'down');
  stand.parts.weather.outcomes.clear();
  await stand.until(async () => (await stand.phase()) === 'open' && stand.vm('a')?.isOnline === true);
  expect(stand.parts.guard.armedFor).toEqual([
    DHCP_ALONE,
    'DHCP, 192.168.77.101 to 1 endpoints',
    'DHCP, 192.168.77.101 to 0 endpoints',
    'DHCP, 192.168.77.202 to 1 endpoints',
  ]);
  expect(given()).toHaveLength(2);
});

test('a fresh gateway asks afresh: the old address is nobody’s', async () => {
  stand.parts.weather.offer = () => offer('192.168.77.101');
  await stand.up();
  stand.parts.control.break();
  await stand.until(() => stand.parts.guards.length === 2);
  await stand.until(async () => (await stand.phase()) === 'open');
  expect(stand.parts.guard.armedFor).toEqual([DHCP_ALONE, 'DHCP, 192.168.77.101 to 1 endpoints']);
});
