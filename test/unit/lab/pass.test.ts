import { describe, expect, test } from '@jest/globals';
import { LabPass, type LabPassPlan, labPassPlan } from '../../../src/lab/pass.ts';
import { importsOf, sources } from '../house/sources.ts';

const plan: LabPassPlan = {
  uplink: { kind: 'user' },
  addressing: { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' },
  endpoint: { address: '10.0.2.2', port: 40_000 },
  exitCa: '-----BEGIN CERTIFICATE-----',
  removedDefences: ['lease'],
  witness: '/tmp/lab/witness.pcap',
};

describe('LabPass', () => {
  test('carries what its plan says, and dials the one address', () => {
    const pass = LabPass.of(plan);
    expect([...pass.removedDefences]).toEqual(['lease']);
    expect(pass).toMatchObject({ uplink: plan.uplink, addressing: plan.addressing, witness: plan.witness });
    expect(pass.guardEntry).toBeUndefined();
    expect(pass.allowEndpoint('10.0.2.2')).toBe(true);
    expect(pass.allowEndpoint('10.0.2.3')).toBe(false);
    const chained = LabPass.of({ ...plan, second: '198.51.100.20' });
    expect(['10.0.2.2', '198.51.100.20', '198.51.100.21'].map((at) => chained.allowEndpoint(at))).toEqual([
      ...[true, true, false],
    ]);
  });

  test("says which guests run and on which QEMU; the machine's own unless said", () => {
    const programs = { arm64: '/tmp/other/qemu-system-aarch64' };
    expect(LabPass.of({ ...plan, machines: { arch: 'arm64', programs } })).toMatchObject({ arch: 'arm64', programs });
    const pass = LabPass.of(plan);
    expect([pass.arch, pass.programs]).toEqual([undefined, undefined]);
    expect(labPassPlan.safeParse({ ...plan, machines: { arch: 'riscv64', programs: {} } }).success).toBe(false);
  });

  test('survives the way to another process', () => {
    const text = JSON.stringify(LabPass.of(plan).plan());
    expect(LabPass.of(labPassPlan.parse(JSON.parse(text))).plan()).toEqual(plan);
  });

  test('its uplink is none of this machine, unless it says what of it stands for the uplink', () => {
    expect(LabPass.of(plan).network).toBeUndefined();
    const network = { toward: '127.0.0.1', resolvConf: '/tmp/lab/resolv.conf' };
    expect(LabPass.of({ ...plan, network }).network).toEqual(network);
    expect(labPassPlan.safeParse({ ...plan, network: { toward: 'example.org', resolvConf: '' } }).success).toBe(false);
  });

  test('cannot be forged', () => {
    const pass = LabPass.of(plan);
    expect(LabPass.is(pass)).toBe(true);
    expect(LabPass.is({ ...pass })).toBe(false);
    expect(LabPass.is(Object.create(LabPass.prototype))).toBe(false);
    expect(LabPass.is(structuredClone(plan))).toBe(false);
    const Forged = LabPass as unknown as new (key: symbol, plan: LabPassPlan) => LabPass;
    expect(() => new Forged(Symbol('only this file makes passes'), plan)).toThrow('only src/lab makes a LabPass');
  });

  test('replaces the guard on a wire, never on the real network', () => {
    const guardEntry = '/tmp/lab/guard-open.js';
    const wire = { kind: 'wire' as const, localPath: '/tmp/lab/c.sock', remotePath: '/tmp/lab/w.sock' };
    expect(LabPass.of({ ...plan, uplink: wire, guardEntry }).guardEntry).toBe(guardEntry);
    expect(() => LabPass.of({ ...plan, guardEntry })).toThrow('keeps its guard');
  });

  test('gives orders to QEMU on a wire, never on the real network', () => {
    const monitor = '/tmp/lab/monitor.sock';
    const wire = { kind: 'wire' as const, localPath: '/tmp/lab/c.sock', remotePath: '/tmp/lab/w.sock' };
    expect(LabPass.of({ ...plan, uplink: wire, monitor }).monitor).toBe(monitor);
    expect(() => LabPass.of({ ...plan, monitor })).toThrow('keeps its guard');
  });

  test('knows no defence that does not exist', () => {
    expect(labPassPlan.safeParse({ ...plan, removedDefences: ['guard'] }).success).toBe(false);
  });
});

describe('outside src/lab', () => {
  const others = sources().filter(({ room }) => room !== 'lab');

  test('nobody makes a pass or casts to removed defences', () => {
    const making = /LabPass\.of\(|as (?:unknown as )?RemovedDefences/;
    expect(others.filter(({ text }) => making.test(text)).map(({ file }) => file)).toEqual([]);
  });

  test('the class is imported as a type', () => {
    const values = others
      .flatMap(importsOf)
      .filter(({ target, typeOnly }) => target === 'src/lab/pass.ts' && !typeOnly);
    expect(values.map(({ from }) => from.file)).toEqual([]);
  });
});
