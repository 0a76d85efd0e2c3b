/**
 * Frames a second through the guard, against a plain Node socket pipe that judges nothing. This process plays the
 * gateway: it offers 1,400-byte frames of a tunnel as fast as they are taken, and counts what comes back out.
 * Pairs are interleaved, the value is the median of the pairs' ratios.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PAIRS = 7;
const WARM_UP_MS = 300;
const MEASURE_MS = 700;
const UDP_PAYLOAD = 1_392;
const FRAMES_A_WRITE = 128;

const uplink = { mac: '52:54:01:00:00:00', address: '10.0.2.15', nextHop: '10.0.2.2', dhcp: false };
const endpoint = { address: '198.51.100.7', port: 51_820, protocol: 'udp', shape: 'wireguard' };
const tunnel = { localPort: 40_001, mtu: 1_420 };

/** @param {{ dist?: URL }} options `dist`: folder of the compiled program, with a slash at its end */
export default async function measureGuardFrames({ dist = new URL('../dist/', import.meta.url) } = {}) {
  const { startGuard } = await import(new URL('guard/index.js', dist).href);
  const { udpFrame } = await import(new URL('frame/index.js', dist).href);
  const batch = offeredBatch(udpFrame);

  const throughGuard = (gateway) =>
    startGuard({ setup: { ...gateway.paths, evidence: gateway.folder, evidenceMaxBytes: 65_536 }, uplink });
  const guard = async (gateway) => {
    const running = await throughGuard(gateway);
    running.setPolicy(uplink, [endpoint], tunnel);
    running.arm(1, 5_000);
    await running.sync();
    return async () => {
      const { counts } = await running.sync(10_000);
      if (counts.foreign > 0 || counts.held > 0) throw new Error(`the guard judged wrongly: ${JSON.stringify(counts)}`);
      await running.kill();
    };
  };
  const pipe = async (gateway) => {
    const script = fileURLToPath(new URL('baseline/pipe.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, gateway.paths.outgoing, gateway.paths.released], {
      stdio: 'ignore',
    });
    await gateway.connected;
    return async () => {
      child.kill('SIGKILL');
    };
  };

  const pairs = [];
  for (let pair = 0; pair < PAIRS; pair += 1) {
    // Who goes first changes, so that a machine that slows down favours neither.
    const first = pair % 2 === 0;
    const a = await framesASecond(first ? guard : pipe, batch);
    const b = await framesASecond(first ? pipe : guard, batch);
    const [guarded, piped] = first ? [a, b] : [b, a];
    pairs.push({ guarded, piped, ratio: guarded / piped });
  }
  const value = median(pairs.map(({ ratio }) => ratio));
  return {
    id: 'guard-frames',
    value,
    unit: 'ratio',
    atLeast: 0.75,
    aim: 0.9,
    raw: {
      guardFramesASecond: Math.round(median(pairs.map(({ guarded }) => guarded))),
      pipeFramesASecond: Math.round(median(pairs.map(({ piped }) => piped))),
      ratios: pairs.map(({ ratio }) => Number(ratio.toFixed(3))),
    },
  };
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

async function framesASecond(start, { bytes, framed }) {
  const gateway = await playGateway(bytes);
  try {
    const stop = await start(gateway);
    gateway.offer();
    await sleep(WARM_UP_MS);
    const [from, beganAt] = [gateway.released(), process.hrtime.bigint()];
    await sleep(MEASURE_MS);
    const [to, endedAt] = [gateway.released(), process.hrtime.bigint()];
    gateway.pause();
    await stop();
    return (to - from) / framed / (Number(endedAt - beganAt) / 1e9);
  } finally {
    gateway.close();
  }
}

/** Two listening sockets; `released()` is the number of bytes that came out so far. */
async function playGateway(bytes) {
  const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-bench-'));
  const paths = { outgoing: path.join(folder, 'fo.sock'), released: path.join(folder, 'fi.sock') };
  let offering = false;
  let count = 0;
  let source;
  const offer = () => {
    while (offering && source.write(bytes));
  };
  let connect;
  const connected = new Promise((resolve) => {
    connect = resolve;
  });
  const outgoing = net.createServer((socket) => {
    source = socket.on('error', () => {}).on('drain', offer);
    connect();
  });
  const released = net.createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        count += chunk.length;
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
    pause() {
      offering = false;
    },
    close() {
      source?.destroy();
      outgoing.close();
      released.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
