/** Runners of the receipt: written when the gate opens and at each full verification, revoked by every close. */
import { randomBytes } from 'node:crypto';
import { canonicalJson } from '../core/canonical-json.ts';
import { carriersOf, compileNft, renderNft } from '../core/policy/index.ts';
import { composeReceipt, type ReceiptBinding, renderReceipt } from '../core/receipt.ts';
import type { Claim, Verdict } from '../core/verdict.ts';
import { RingDigest } from '../evidence/index.ts';
import { machineProcesses, monotonicMs, sha256, wallMs } from '../host/index.ts';
import { installationKey, revokeReceipt, writeReceipt } from '../trust/index.ts';
import { events } from './codes.ts';
import { connectionOf } from './connect.ts';
import type { Runners } from './loop.ts';
import { sessionOf } from './session.ts';
import type { ConnectedHop, World } from './world.ts';

export function receiptRunners(world: World): Pick<Runners, 'writeReceipt' | 'revokeReceipt'> {
  const ring = new RingDigest(world.layout.evidence);
  return {
    writeReceipt: ({ verdicts, claim, expiresMs }) => {
      const { signal } = world.attempt;
      return world.receipts.run(async () => {
        signal.throwIfAborted();
        await write(world, ring, { verdicts, claim, expiresMs }, signal);
        return undefined;
      });
    },
    revokeReceipt: () =>
      world.receipts.run(async () => {
        await revokeReceipt(world.layout.receipts);
        return undefined;
      }),
  };
}

interface Proven {
  readonly verdicts: readonly Verdict[];
  readonly claim: Claim;
  /** Host monotonic milliseconds. */
  readonly expiresMs: number;
}

async function write(
  world: World,
  ring: RingDigest,
  { verdicts, claim, expiresMs }: Proven,
  signal: AbortSignal,
): Promise<void> {
  const session = sessionOf(world);
  const { imageDigest, ...binding } = bindingOf(world);
  const { passed: kinds, unrecorded: _, ...counted } = (await session.guard.sync()).counts;
  const now = { wallMs: wallMs(), monotonicMs: monotonicMs(), hostBootId: await machineProcesses.bootId() };
  const passed = Object.values(kinds).reduce((sum, { frames }) => sum + frames, 0);
  const frames = ring.digest();
  const receipt = composeReceipt(
    {
      ...binding,
      image: {
        digest: imageDigest,
        parts: session.boot.parts.map(({ name, digest }) => ({ name, digest })),
      },
      work: Object.fromEntries(session.config.config.work.map((work) => [work.name, sha256(canonicalJson(work))])),
      claim,
      verdicts,
      guard: { ...counted, passed },
      evidence: { verdicts: sha256(canonicalJson(verdicts)), frames },
      nonce: randomBytes(16).toString('hex'),
    },
    now,
    expiresMs - now.monotonicMs,
  );
  const key = await installationKey(world.home.keys);
  signal.throwIfAborted();
  await writeReceipt(world.layout.receipts, receipt, key);
  const about = { receipt: sha256(renderReceipt(receipt)), evidence: frames, expires: receipt.expires.wall };
  world.emit(events.GATE_RECEIPT, about);
}

/** What a receipt speaks about, as it is now. @throws when there is no gateway, or it is not connected */
export function bindingOf(world: World): ReceiptBinding {
  const { bootId, image, config } = sessionOf(world);
  const connection = connectionOf(world);
  const { through, policy } = connection;
  const carriers = carriersOf(policy);
  const provedAt = ({ plan, pinned }: ConnectedHop, index: number) => ({
    kind: plan.kind,
    peer: plan.peerIdentity,
    endpoint: {
      address: pinned.address,
      port: pinned.port,
      protocol: carriers[index]?.endpoints[0]?.protocol ?? 'udp',
    },
  });
  return {
    gate: world.gate,
    bootId,
    imageDigest: image.digest,
    ruleset: sha256(renderNft(compileNft(policy))),
    configuration: config.digest,
    tunnel: {
      ...provedAt(connection, through.length),
      ...(through.length === 0 ? {} : { through: through.map(provedAt) }),
    },
  };
}
