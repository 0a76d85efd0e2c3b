/** Error codes of the gateway room. What a gateway said is hostile text: escaped by whoever prints it. */
import { error, errorCodes } from '../core/coded.ts';

const freshGateway = () =>
  'start a fresh gateway: vmgate down && vmgate up   (what this one said: vmgate logs --gateway)';

/** QMP's SHUTDOWN reason: the guest's own init gave up, by design before any card is up. */
const endedByItself = (reason: string) => reason.includes('guest-shutdown');

export const errors = errorCodes({
  GATEWAY_NO_ANSWER: error<{ seconds: number; reason: string }>({
    exit: 7,
    source: 'environment',
    what: ({ seconds, reason }) =>
      endedByItself(reason)
        ? `the gateway shut itself down before it answered (${reason})`
        : `the gateway did not answer on its control channel within ${seconds} s: ${reason}`,
    remedy: ({ reason }) =>
      endedByItself(reason)
        ? 'its image may be of another version of vmgate: vmgate image build gateway; then: vmgate up'
        : 'a slow or busy machine may need a second try: vmgate up; what else may be wrong here: vmgate doctor',
    sample: { seconds: 60, reason: 'the connection ended during the handshake' },
  }),
  GATEWAY_WRONG_KEY: error<{ expected: string; offered: string }>({
    exit: 4,
    source: 'environment',
    what: ({ offered }) =>
      `whatever answered on the control channel is not this gateway: it has the host key ${offered}`,
    remedy: freshGateway,
    sample: {
      expected: 'SHA256:2Zl1YyRzIS1BRxdVsYNRrmcT0Oq8WqG0XF0lXnq2XzM',
      offered: 'SHA256:t1s8JbV0Lw7Uu9pYkNRqmc0gOq8WqG0XF0lXnq2XAbc',
    },
  }),
  GATEWAY_LOST: error<{ reason: string }>({
    exit: 5,
    source: 'environment',
    what: ({ reason }) => `the control channel to the gateway ended: ${reason}`,
    remedy: freshGateway,
    sample: { reason: 'no answer to keepalives' },
  }),
  GATEWAY_VERB_FAILED: error<{ verb: string; step: string }>({
    exit: 5,
    source: 'environment',
    what: ({ verb, step }) => `the gateway could not do '${verb}': ${step} failed`,
    remedy: freshGateway,
    sample: { verb: 'apply', step: 'nft' },
  }),
  GATEWAY_VERB_LATE: error<{ verb: string; seconds: number }>({
    exit: 7,
    source: 'environment',
    what: ({ verb, seconds }) => `the gateway did not finish '${verb}' within ${seconds} s`,
    remedy: freshGateway,
    sample: { verb: 'facts', seconds: 10 },
  }),
  GATEWAY_GARBLED: error<{ verb: string; why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ verb, why }) => `the gateway's answer to '${verb}' makes no sense: ${why}`,
    remedy: freshGateway,
    sample: { verb: 'facts', why: 'not JSON' },
  }),
  GATEWAY_DIAL_FAILED: error<{ address: string; port: number; reason: string }>({
    exit: 4,
    source: 'environment',
    what: ({ address, port, reason }) => `the gateway could not connect to ${address} port ${port}: ${reason}`,
    remedy: () => 'check that the tunnel stands and that the far end listens: vmgate verify',
    sample: { address: '10.64.0.1', port: 443, reason: 'Connection refused' },
  }),
  GATEWAY_TUNNEL_UNUSABLE: error<{ why: string }>({
    exit: 2,
    source: 'user',
    what: ({ why }) => `this VPN profile cannot be used in a gateway: ${why}`,
    remedy: () => 'correct the profile and add it again: vmgate vpn add NAME FILE',
    sample: { why: 'it gives the gateway no IPv4 address' },
  }),
});
