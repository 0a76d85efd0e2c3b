import type { ReceiptBinding, ReceiptFacts } from '../../../src/core/receipt.ts';
import { GATE_CHECKS } from '../../../src/core/verdict.ts';

const digest = (byte: string) => `sha256:${byte.repeat(32)}`;

/** A complete, verified gate. */
export function receiptFacts(changes: Partial<ReceiptFacts> = {}): ReceiptFacts {
  return {
    gate: 'default',
    bootId: '4fe1bdf1-6f0d-4f6e-9d0b-3a6cf2c9f001',
    image: { digest: digest('a1'), parts: [{ name: 'kernel', digest: digest('a2') }] },
    ruleset: digest('b1'),
    configuration: digest('c1'),
    work: { dev: digest('d1') },
    tunnel: {
      kind: 'wireguard',
      peer: 'GtL7fZc/bLnqZldpVofMCD6hDjrK28SsdLxevJ+qtKU=',
      endpoint: { address: '203.0.113.9', port: 51_820, protocol: 'udp' },
    },
    claim: { kind: 'address', address: '198.51.100.7' },
    verdicts: GATE_CHECKS.map((check) => ({
      check,
      outcome: 'verified',
      summary: `${check} holds`,
      evidence: ['seen'],
      remedy: '',
      trust: { gatewayCouldFake: 'everything it says', hostWitness: "the guard's counts" },
      durationMs: 12,
    })),
    guard: { passed: 40, held: 2, foreign: 0, canaries: 0, overrun: 0 },
    evidence: { facts: digest('e1') },
    nonce: '00112233445566778899aabbccddeeff',
    ...changes,
  };
}

/** What a receipt of these facts speaks about. */
export function receiptBindingOf({
  gate,
  bootId,
  image,
  ruleset,
  configuration,
  tunnel,
}: ReceiptFacts): ReceiptBinding {
  return { gate, bootId, imageDigest: image.digest, ruleset, configuration, tunnel };
}
