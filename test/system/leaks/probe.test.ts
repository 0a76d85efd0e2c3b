/**
 * Frame by frame from a machine that somebody else owns, with one defence standing at a time: the gateway's ruleset, the
 * guard, both, neither. Neither leaks, and the lab notices: so its silence otherwise means something.
 *
 * @leakCase 5 wire: DNS in every form from a link, frame by frame: with a lease inside the tunnel, never in clear
 * @leakCase 7 wire: an IPv6 frame from a link goes nowhere
 * @leakCase 33 wire: a ping with data never leaves in clear
 * @leakCase 34 wire: VLAN, LLDP, spanning tree, EAPOL, RARP, ARP claims, broadcast and multicast do not cross
 * @leakCase 35 wire: forged sources (MAC, second address, the gateway's, the endpoint's, a neighbour's) are dropped
 * @leakCase 36 wire: the untrusted network, private ranges, cloud metadata and slirp's host are not reached in clear
 * @leakCase 61 wire: clear text to the endpoint and its port is dropped unless it has the tunnel's shape; a known token
 *   is found even then
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { sendMarked } from '../../../src/drill/index.ts';
import { Installation } from '../../../src/drivers/index.ts';
import { type Lab, standOn, type WireStand } from '../../../src/lab/index.ts';
import { ATTEMPTS, ON_THE_WIRE } from './attempts.ts';
import { fromTheProbe, openLab, type Volley } from './volley.ts';
import { GUARDS, openWiredGate, type WiredGate } from './wired-gate.ts';

jest.setTimeout(60_000);
const BOOT_MS = 300_000;

const leaving = ATTEMPTS.filter(({ ends }) => ends === 'tunnel');
/** An owned gateway may put readable bytes of that shape on the wire to the endpoint, and nowhere else: docs/threat-model.md. */
const SHAPED = 'tunnel-shaped to the endpoint and its port';
const recognisable = leaving.filter(({ name }) => name !== SHAPED);
const shaped = leaving.filter(({ name }) => name === SHAPED);

let lab: Lab;
let closeLab: () => Promise<void>;
beforeAll(async () => {
  ({ lab, close: closeLab } = await openLab());
}, BOOT_MS);
afterAll(() => closeLab());

describe('anti-test: no gateway in between: the lab notices', () => {
  let stand: WireStand;
  let inClear: Volley['inClear'];
  let foreign: number;
  beforeAll(async () => {
    const { uplink } = lab;
    if (uplink.kind !== 'wire') throw new Error('not a wire');
    stand = await standOn({ folder: `${uplink.localPath}.st`, ...uplink }, new Installation());
    const look = await sendMarked(lab, ATTEMPTS, (attempt, mark) => stand.send(attempt.frame(mark, ON_THE_WIRE)));
    ({ inClear, foreign } = await look());
  });
  afterAll(() => stand.close());

  test.each(ATTEMPTS)('case $leakCase: $name', (attempt) => {
    expect(inClear(attempt)).toBe(true);
  });
  test('and counts each, but for ARP and what has the shape of the tunnel', () => {
    expect(foreign).toBe(ATTEMPTS.length - 2);
  });
});

describe('the guard taken away', () => {
  let gate: WiredGate;
  beforeAll(async () => {
    gate = await openWiredGate(lab, GUARDS.open);
  }, BOOT_MS);
  afterAll(() => gate.stop());

  describe('and the gateway taken over (anti-test): in clear', () => {
    let volley: Volley;
    beforeAll(async () => {
      await gate.loadOwned();
      volley = await fromTheProbe(lab, gate);
    });
    test.each(leaving)('case $leakCase: $name', (attempt) => {
      expect(volley.inClear(attempt)).toBe(true);
    });
    test('and counted as foreign', () => {
      expect(volley.foreign).toBeGreaterThanOrEqual(recognisable.length);
    });
  });

  describe('the ruleset alone, with a lease: not in clear', () => {
    let volley: Volley;
    beforeAll(async () => {
      await gate.load();
      await gate.control.lease(['probe0', 'work0', 'work1']);
      volley = await fromTheProbe(lab, gate);
    });
    test.each(ATTEMPTS)('case $leakCase: $name', (attempt) => {
      expect(volley.inClear(attempt)).toBe(false);
    });
    test('and nothing else leaves', () => {
      expect(volley.foreign).toBe(0);
    });
  });
});

describe('behind the guard', () => {
  let gate: WiredGate;
  beforeAll(async () => {
    gate = await openWiredGate(lab, GUARDS.judging);
  }, BOOT_MS);
  afterAll(() => gate.stop());

  test('ruleset and guard, without a lease: nothing goes anywhere, nothing comes back', async () => {
    await gate.load();
    const { counters, foreign, guard, replies } = await fromTheProbe(lab, gate, { watched: true });
    expect(counters).toMatchObject({ to_tunnel: 0, probe_to_tunnel: 0 });
    expect({ foreign, guard, replies }).toEqual({ foreign: 0, guard: { foreign: 0, canaries: 0 }, replies: [] });
  });

  describe('ruleset and guard, with a lease', () => {
    let volley: Volley;
    beforeAll(async () => {
      await gate.load();
      await gate.control.lease(['probe0', 'work0', 'work1']);
      volley = await fromTheProbe(lab, gate, { watched: true });
    });
    test.each(ATTEMPTS)('case $leakCase: $name: not in clear', (attempt) => {
      expect(volley.inClear(attempt)).toBe(false);
    });
    test('what may go out goes into the tunnel, and nothing else', () => {
      expect(volley.counters).toMatchObject({ probe_to_tunnel: leaving.length });
      expect(volley).toMatchObject({ foreign: 0, guard: { foreign: 0, canaries: 0 } });
    });
  });

  describe('the gateway taken over, the guard alone', () => {
    beforeAll(() => gate.loadOwned());

    // First: from the first violation on the guard lets nothing out at all.
    test.each(shaped)('case $leakCase: $name: in clear, unless the guard knows the token', async (attempt) => {
      const unknown = await fromTheProbe(lab, gate, { attempts: shaped });
      expect(unknown.inClear(attempt)).toBe(true);
      expect(unknown.guard).toEqual({ foreign: 0, canaries: 0 });
      const watched = await fromTheProbe(lab, gate, { attempts: shaped, watched: true });
      expect(watched.inClear(attempt)).toBe(false);
      expect(watched.guard.canaries).toBe(1);
    });

    test('each other attempt is judged foreign, none leaves', async () => {
      const volley = await fromTheProbe(lab, gate, { attempts: recognisable });
      expect(volley.guard.foreign).toBeGreaterThanOrEqual(recognisable.length);
      expect(volley.foreign).toBe(0);
      expect(recognisable.filter(volley.inClear)).toEqual([]);
    });
  });
});
