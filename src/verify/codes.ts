/** What can keep a check from being judged. Each of these makes it `unknown`; none of them ever opens anything. */
import { error, errorCodes } from '../core/coded.ts';

export const errors = errorCodes({
  VERIFY_LATE: error<{ step: string; limitMs: number }>({
    exit: 4,
    source: 'environment',
    what: ({ step, limitMs }) => `${step} took longer than ${limitMs} ms`,
    remedy: () => 'vmgate verify',
    sample: { step: 'reading the facts of the gateway', limitMs: 5_000 },
  }),
  VERIFY_STOPPED: error<{ step: string }>({
    exit: 4,
    source: 'user',
    what: ({ step }) => `${step} was stopped before it was done`,
    remedy: () => 'vmgate up',
    sample: { step: 'asking the resolver inside the tunnel' },
  }),
  VERIFY_NO_TUNNEL: error<Record<string, never>>({
    exit: 4,
    source: 'vmgate',
    what: () => 'there is nothing to verify: no tunnel was made',
    remedy: () => 'vmgate up',
    sample: {},
  }),
  VERIFY_PROBE_SILENT: error<{ address: string; limitMs: number }>({
    exit: 4,
    source: 'environment',
    what: ({ address, limitMs }) =>
      `the gateway (${address}) did not answer ARP on the probe link within ${limitMs} ms`,
    remedy: () => 'vmgate down && vmgate up',
    sample: { address: '10.213.0.249', limitMs: 3_000 },
  }),
  VERIFY_PROBE_RESTLESS: error<{ attempts: number }>({
    exit: 4,
    source: 'environment',
    what: ({ attempts }) => `the probe link did not keep still for a count, ${attempts} times`,
    remedy: () => 'vmgate verify',
    sample: { attempts: 3 },
  }),
  VERIFY_OTHER_GATEWAY: error<{ expected: string; found: string }>({
    exit: 4,
    source: 'environment',
    what: ({ expected, found }) => `another boot of the gateway answered: ${found} instead of ${expected}`,
    remedy: () => 'vmgate down && vmgate up',
    sample: { expected: '3b0c1f0e-8e1c-4a43-9f2a-51c1f4b0a5d7', found: '9d5d9c61-52be-4f2f-8d5b-6a6e3f2c7b10' },
  }),
  VERIFY_LEASE_REFUSED: error<{ ifname: string }>({
    exit: 4,
    source: 'environment',
    what: ({ ifname }) => `the gateway gave ${ifname} no lease`,
    remedy: () => 'vmgate down && vmgate up',
    sample: { ifname: 'probe0' },
  }),
  VERIFY_EXIT_UNRESOLVED: error<{ host: string }>({
    exit: 4,
    source: 'environment',
    what: ({ host }) => `the resolver inside the tunnel knows no IPv4 address of ${host}`,
    remedy: () => 'check verify.exit.url in vmgate.yaml, then: vmgate up',
    sample: { host: 'am.i.mullvad.net' },
  }),
  VERIFY_EXIT_UNREACHABLE: error<{ url: string; address: string; reason: string }>({
    exit: 4,
    source: 'environment',
    what: ({ url, address, reason }) => `${url} (at ${address}) could not be asked through the tunnel: ${reason}`,
    remedy: () => 'check verify.exit.url in vmgate.yaml, then: vmgate up',
    sample: { url: 'https://am.i.mullvad.net/json', address: '193.138.218.80', reason: 'ECONNRESET' },
  }),
  VERIFY_EXIT_TOO_LONG: error<{ url: string; limit: number }>({
    exit: 4,
    source: 'environment',
    what: ({ url, limit }) => `the answer of ${url} is longer than ${limit} bytes`,
    remedy: () => 'set verify.exit.url in vmgate.yaml to a page that says only the address, then: vmgate up',
    sample: { url: 'https://example.com/', limit: 65_536 },
  }),
});
