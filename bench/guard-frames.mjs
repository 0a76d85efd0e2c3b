/**
 * Frames a second through the guard, against a plain Node socket pipe that judges nothing. This process plays the
 * gateway: it keeps a window of 1,400-byte tunnel frames under way and counts what comes back out.
 * Pairs are interleaved, the value is the median of the pairs' ratios.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { median } from './median.mjs';

/** Many short turns, so that what else the machine does falls on both alike. */
const PAIRS = 30;
const WARM_UP_MS = 30;
const MEASURE_MS = 120;
const UDP_PAYLOAD = 1_392;
const FRAMES_A_WRITE = 32;
/** Bytes under way at most, as the window of a TCP connection inside the tunnel: a wire that is never overrun. */
const WINDOW = 196_608;

const uplink = { mac: '52:54:01:00:00:00', address: '10.0.2.15', nextHop: '10.0.2.2', dhcp: false };
const endpoint = { address: '198.51.100.7', port: 51_820, protocol: 'udp', shape: 'wireguard' };
const tunnel = { localPort: 40_001, mtu: 1_420 };

export async function measureGuardFrames(stand) {
  const { startGuard } = await stand.load('guard/index.js');
  const { udpFrame } = await stand.load('frame/index.js');
  const batch = offeredBatch(udpFrame);
  const [guarded, piped] = [await playGateway(batch.bytes), await playGateway(batch.bytes)];
  const guard = await startGuard({
    setup: { ...guarded.paths, evidence: guarded.folder, evidenceMaxBytes: 65_536 },
    uplink,
  });
  const script = fileURLToPath(new URL('baseline/pipe.mjs', import.meta.url));
  const pipe = spawn(process.execPath, [script, piped.paths.outgoing, piped.paths.released], { stdio: 'ignore' });
  try {
    guard.setPolicy(uplink, [endpoint], tunnel);
    await piped.connected;
    const pairs = [];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      guard.arm(1, 5_000);
      await guard.sync();
      // Who goes first changes, so that a machine that slows down favours neither.
      const turns = pair % 2 === 0 ? [guarded, piped] : [piped, guarded];
      const rates = new Map();
      for (const gateway of turns) rates.set(gateway, (await bytesASecond(gateway)) / batch.framed);
      pairs.push({ guard: rates.get(guarded), pipe: rates.get(piped) });
    }
    const { counts } = await guard.sync(10_000);
    if (counts.foreign + counts.held > 0) throw new Error(`the guard judged wrongly: ${JSON.stringify(counts)}`);
    return {
      value: median(pairs.map((pair) => pair.guard / pair.pipe)),
      raw: {
        guardFramesASecond: Math.round(median(pairs.map((pair) => pair.guard))),
        pipeFramesASecond: Math.round(median(pairs.map((pair) => pair.pipe))),
        lost: counts.overrun,
      },
    };
  } finally {
    await guard.kill();
    pipe.kill('SIGKILL');
    guarded.close();
    piped.close();
  }
}

function offeredBatch(udpFrame) {
  const payload = Buffer.alloc(UDP_PAYLOAD, 0xa5);
  payload.writeUInt32LE(4, 0);
  const hop = { sourceMac: uplink.mac, destinationMac: '52:55:0a:00:02:02' };
  const flow = {
    source: uplink.address,
    destination: endpoint.address,
    sourcePort: tunnel.localPort,
    destinationPort: endpoint.port,
  };
  const frame = udpFrame(hop, flow, payload);
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(frame.length);
  const bytes = Buffer.concat(Array.from({ length: FRAMES_A_WRITE }, () => [prefix, frame]).flat());
  return { bytes, framed: prefix.length + frame.length };
}

async function bytesASecond(gateway) {
  gateway.offer();
  await sleep(WARM_UP_MS);
  const [from, beganAt] = [gateway.released(), process.hrtime.bigint()];
  await sleep(MEASURE_MS);
  const [to, endedAt] = [gateway.released(), process.hrtime.bigint()];
  await gateway.pause();
  return (to - from) / (Number(endedAt - beganAt) / 1e9);
}

/** Two listening sockets; `released()` is the number of bytes that came out so far. */
async function playGateway(bytes) {
  const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-bench-'));
  const paths = { outgoing: path.join(folder, 'fo.sock'), released: path.join(folder, 'fi.sock') };
  let offering = false;
  let offered = 0;
  let count = 0;
  let source;
  const offer = () => {
    while (offering && offered - count < WINDOW) {
      source.write(bytes);
      offered += bytes.length;
    }
  };
  let connect;
  const connected = new Promise((resolve) => {
    connect = resolve;
  });
  const outgoing = net.createServer((socket) => {
    source = socket.on('error', () => {});
    connect();
  });
  const released = net.createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        count += chunk.length;
        offer();
      });
  });
  await Promise.all([
    new Promise((resolve) => outgoing.listen(paths.outgoing, resolve)),
    new Promise((resolve) => released.listen(paths.released, resolve)),
  ]);
  return {
    folder,
    paths,
    connected,
    released: () => count,
    offer() {
      offering = true;
      offer();
    },
    /** Resolves when what was under way has come out. */
    async pause() {
      offering = false;
      for (let seen = -1; seen !== count; await sleep(5)) seen = count;
      offered = count;
    },
    close() {
      source?.destroy();
      outgoing.close();
      released.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
