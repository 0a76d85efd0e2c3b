import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FileFollower } from '../../../src/drill/file-follower.ts';
import { PhaseLog } from '../../../src/drill/phase-log.ts';
import { UplinkWitness } from '../../../src/drill/uplink-witness.ts';
import { buildArpRequest, pcapHeader, pcapRecord, udpFrame } from '../../../src/frame/index.ts';
import { LAB } from '../../../src/lab/index.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-drill-'));
  file = path.join(folder, 'file');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('FileFollower', () => {
  test('reads what is new, from before the file is there', () => {
    const follower = new FileFollower(file);
    expect(follower.read().data).toHaveLength(0);
    writeFileSync(file, 'one');
    expect(follower.read()).toEqual({ data: Buffer.from('one'), restarted: true });
    appendFileSync(file, 'two');
    expect(follower.read()).toEqual({ data: Buffer.from('two'), restarted: false });
  });

  test('does not take a file that it cannot open for one without anything new', () => {
    writeFileSync(file, 'one');
    const follower = new FileFollower(path.join(file, 'below'));
    expect(() => follower.read()).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  });

  test('loses nothing to a rotation', () => {
    const follower = new FileFollower(file);
    writeFileSync(file, 'one');
    follower.read();
    appendFileSync(file, 'two');
    renameSync(file, `${file}.1`);
    writeFileSync(file, 'three');
    expect(follower.read().data.toString()).toBe('twothree');
  });

  test('begins again with a file that was started over', () => {
    const follower = new FileFollower(file);
    writeFileSync(file, 'one');
    follower.read();
    writeFileSync(file, 'x');
    expect(follower.read()).toEqual({ data: Buffer.from('x'), restarted: true });
  });
});

describe('PhaseLog', () => {
  const line = (phase: string) =>
    `${JSON.stringify({ code: 'GATE_PHASE', at: '', level: 'info', text: '', payload: { phase, why: 'because' } })}\n`;

  test('has every phase with its time, also one whose line came in two pieces', () => {
    let now = 1;
    const log = new PhaseLog(file, () => now);
    writeFileSync(file, `${line('open')}${JSON.stringify({ code: 'GATE_CHECK' })}\n${line('closing').slice(0, 20)}`);
    log.read();
    now = 2;
    appendFileSync(file, `${line('closing').slice(20)}garbled\n`);
    log.read();
    expect(log.seen.map(({ phase, at }) => [phase, at])).toEqual([
      ['open', 1],
      ['closing', 2],
    ]);
    expect(log.now).toBe('closing');
    log.forget();
    expect(log.seen).toEqual([]);
    expect(log.now).toBe('closing');
  });
});

describe('UplinkWitness', () => {
  const token = Buffer.from('vmgate-drill-0123');
  const hop = { sourceMac: '52:54:01:00:00:01', destinationMac: LAB.routerMac };
  const flow = {
    source: '192.168.77.50',
    destination: LAB.endpoint.address,
    sourcePort: 30_000,
    destinationPort: 51_820,
  };
  const wireGuard = (payload: Buffer) => udpFrame(hop, flow, Buffer.concat([Buffer.from([4, 0, 0, 0]), payload]));
  const own = wireGuard(Buffer.alloc(100));
  const record = (frame: Buffer) => pcapRecord(0, frame, 65_535);
  const witness = () => new UplinkWitness(file, { endpoint: LAB.endpoint, token, tunnelled: own.length }, () => 42);

  test('the tunnel and ARP are no leak; frames of the watched length are departures', () => {
    const arp = buildArpRequest({ mac: hop.sourceMac, address: flow.source }, LAB.router);
    writeFileSync(
      file,
      Buffer.concat([pcapHeader(65_535), record(own), record(wireGuard(Buffer.alloc(9))), record(arp)]),
    );
    const seen = witness();
    seen.read();
    expect(seen.clear).toBe(0);
    expect(seen.departures).toEqual([42]);
  });

  test('a foreign frame is one, and so is the token in a frame of the tunnel', () => {
    const foreign = udpFrame(hop, { ...flow, destination: LAB.site }, Buffer.from('hello'));
    writeFileSync(file, Buffer.concat([pcapHeader(65_535), record(foreign), record(wireGuard(token))]));
    const seen = witness();
    seen.read();
    expect(seen.clear).toBe(2);
  });

  test('a record that is not whole yet waits; a new gateway starts the file over', () => {
    const foreign = record(udpFrame(hop, { ...flow, destination: LAB.site }, Buffer.from('hello')));
    const seen = witness();
    writeFileSync(file, Buffer.concat([pcapHeader(65_535), record(own), record(own), foreign.subarray(0, 30)]));
    seen.read();
    expect(seen.clear).toBe(0);
    appendFileSync(file, foreign.subarray(30));
    seen.read();
    expect(seen.clear).toBe(1);
    writeFileSync(file, Buffer.concat([pcapHeader(65_535), foreign]));
    seen.read();
    expect(seen.clear).toBe(2);
  });
});
