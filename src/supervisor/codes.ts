/** Codes of the gate and its supervisor. */
import { error, errorCodes, event, eventCodes, VmgateError } from '../core/coded.ts';
import type { Phase } from '../core/gate/state.ts';
import type { Claim } from '../core/verdict.ts';
import { dialErrors } from './dial-codes.ts';
import { inWords } from './step-names.ts';
import { workErrors } from './work-codes.ts';

const environment = { source: 'environment' } as const;
const user = { source: 'user' } as const;

export const errors = errorCodes({
  GATE_NOT_VERIFIED: error<{ gate: string; phase: Phase; why: string; remedy: string }>({
    exit: 4,
    ...environment,
    what: ({ gate, phase, why }) => `refused: gate ${gate} is ${phase}, ${why}`,
    // A gate that is not open verifies by itself, and refuses to be asked for it.
    remedy: ({ remedy }) => (remedy === 'vmgate verify' ? 'vmgate up waits until it is verified' : remedy),
    sample: {
      gate: 'default',
      phase: 'down',
      why: 'no tunnel is proven',
      remedy: 'vmgate up',
    },
  }),
  GATE_NOT_UP: error<{ gate: string; wanted: string }>({
    exit: 4,
    ...user,
    what: ({ gate, wanted }) => `gate ${gate} is not up: there is no ${wanted}`,
    remedy: () => 'vmgate up',
    sample: { gate: 'default', wanted: 'gateway whose log could be read' },
  }),
  GATE_VIOLATED: error<{ why: string; frame: string }>({
    exit: 4,
    ...environment,
    what: ({ why }) => `something that is not the VPN tried to leave the gateway: ${why}`,
    remedy: () => 'read the evidence: vmgate evidence; then start over with a fresh gateway: vmgate up',
    sample: { why: 'UDP to 8.8.8.8:53 instead of the VPN endpoint', frame: '525501...' },
  }),
  GATE_PART_LOST: error<{ part: 'guard' | 'gateway' | 'control channel'; detail: string }>({
    exit: 5,
    ...environment,
    what: ({ part, detail }) => `the ${part} is gone: ${detail}`,
    remedy: () => 'vmgate replaces it by itself; vmgate status shows how far it is',
    sample: { part: 'gateway', detail: 'ended by signal SIGKILL' },
  }),
  GATE_GUARD_STOPPED: error<{ why: 'deadline' | 'clock-jump' }>({
    exit: 4,
    ...environment,
    what: ({ why }) =>
      `the guard let nothing out any more: ${why === 'deadline' ? 'it was not told to for too long' : 'the clock jumped'}`,
    remedy: () => 'vmgate connects and verifies again by itself; vmgate status shows how far it is',
    sample: { why: 'deadline' },
  }),
  GATE_STEP_LATE: error<{ step: string; seconds: number }>({
    exit: 7,
    ...environment,
    what: ({ step, seconds }) => `${inWords(step)} took longer than ${seconds} s`,
    remedy: () => 'a busy machine may need a second try: vmgate up; what else may be wrong here: vmgate doctor',
    sample: { step: 'bootGateway', seconds: 60 },
  }),
  GATE_NO_ADDRESS: error<{ why: string }>({
    exit: 4,
    ...environment,
    what: ({ why }) => `the local network gave the gateway no usable address: ${why}`,
    remedy: () =>
      'join the network again, or use another one: its DHCP must give an address and a router; vmgate keeps trying, vmgate down ends it',
    sample: { why: "the address 127.0.0.2 is no host's (this machine itself, RFC 1122)" },
  }),
  GATE_TUNNEL_SILENT: error<{ endpoint: string; seconds: number }>({
    exit: 4,
    ...environment,
    what: ({ endpoint, seconds }) => `the VPN server ${endpoint} did not answer within ${seconds} s`,
    remedy: () =>
      'the network may block it (is there a sign-in page?), or the key may be wrong or expired: vmgate vpn show NAME; vmgate keeps trying, vmgate down ends it',
    sample: { endpoint: '198.51.100.10:51820/udp', seconds: 5 },
  }),
  GATE_OTHER_CONFIG: error<{ gate: string; running: string; asked: string }>({
    exit: 2,
    ...user,
    what: ({ gate, running, asked }) => `gate ${gate} already runs from ${running}, not from ${asked}`,
    remedy: ({ gate }) => `vmgate down --gate ${gate} first, or give this folder's gate another name (gate: NAME)`,
    sample: { gate: 'default', running: '~/acme/vmgate.yaml', asked: '~/other/vmgate.yaml' },
  }),
  GATE_ORIGIN_GONE: error<{ gate: string }>({
    exit: 2,
    ...user,
    what: ({ gate }) => `no vmgate.yaml is known for gate ${gate}`,
    remedy: () => 'run vmgate up in the folder whose vmgate.yaml names that gate',
    sample: { gate: 'acme' },
  }),
  GATE_CONFIG_CHANGED: error<{ path: string }>({
    exit: 2,
    ...user,
    what: ({ path }) => `${path} is not what vmgate up was asked to use: it changed in this moment`,
    remedy: () => 'read it again, then: vmgate up',
    sample: { path: '~/acme/vmgate.yaml' },
  }),
  GATE_CANCELLED: error<{ what: string }>({
    exit: 130,
    ...user,
    what: ({ what }) => `${what} was cancelled`,
    remedy: () => 'vmgate up starts over',
    sample: { what: 'up' },
  }),
  ...workErrors,
  GATE_DEFINITION_REFUTED: error<{ name: string; summary: string; remedy: string }>({
    exit: 4,
    ...environment,
    what: ({ name, summary }) => `work VM ${name} was not started: ${summary}`,
    remedy: ({ remedy }) => remedy,
    sample: {
      name: 'workvm',
      summary: 'it has two network cards',
      remedy: 'remove every card but the work link from its definition',
    },
  }),
  ...dialErrors,
  GATE_SUPERVISOR_SILENT: error<{ gate: string; pid: number }>({
    exit: 5,
    ...environment,
    what: ({ gate, pid }) => `the supervisor of gate ${gate} (process ${pid}) does not answer`,
    remedy: ({ gate }) => `vmgate up --gate ${gate} replaces it; work VMs keep running, behind a closed gate`,
    sample: { gate: 'default', pid: 4711 },
  }),
  GATE_SUPERVISOR_DIED: error<{ gate: string; log: string }>({
    exit: 1,
    source: 'vmgate',
    what: ({ gate }) => `the supervisor of gate ${gate} ended before it could answer`,
    remedy: ({ log }) => `read ${log}; vmgate doctor --report collects what a bug report needs`,
    sample: { gate: 'default', log: '~/.vmgate/gates/default/supervisor.log' },
  }),
  GATE_BAD_REQUEST: error<{ detail: string }>({
    exit: 1,
    source: 'vmgate',
    what: ({ detail }) => `the supervisor did not understand a request: ${detail}`,
    remedy: () => 'an older supervisor may still run: vmgate down, then vmgate up',
    sample: { detail: 'unknown verb' },
  }),
  GATE_DEFECT: error<{ where: string; message: string }>({
    exit: 1,
    source: 'vmgate',
    what: ({ where, message }) => `internal error in ${where}: ${message}`,
    remedy: () => 'please report it with the output of: vmgate doctor --report',
    sample: { where: 'runner verify', message: 'undefined is not a function' },
  }),
});

export const events = eventCodes({
  /** `claim`: what an open gate has proven. */
  GATE_PHASE: event<{ gate: string; phase: Phase; why: string; claim?: Claim }>({
    level: 'info',
    text: ({ gate, phase, why }) => `gate ${gate} is ${phase}${why === '' ? '' : `: ${why}`}`,
    sample: { gate: 'default', phase: 'open', why: '', claim: { kind: 'address', address: '203.0.113.9' } },
  }),
  GATE_STEP: event<{ step: string; ms: number; detail: string }>({
    level: 'info',
    text: ({ step, ms, detail }) => `${step} (${(ms / 1000).toFixed(1)} s)${detail === '' ? '' : `: ${detail}`}`,
    sample: { step: 'gateway booted', ms: 2_700, detail: '' },
  }),
  GATE_ADDRESS: event<{ address: string; prefixLength: number; nextHop: string }>({
    level: 'info',
    text: ({ address, prefixLength, nextHop }) =>
      `the local network gave the gateway ${address}/${prefixLength}, router ${nextHop}`,
    sample: { address: '192.168.77.101', prefixLength: 24, nextHop: '192.168.77.1' },
  }),
  GATE_PINNED: event<{ host: string; address: string; port: number; answered: readonly string[] }>({
    level: 'info',
    text: ({ host, address, port }) => `VPN endpoint ${host} pinned to ${address}:${port}`,
    sample: { host: 'vpn.acme.example', address: '198.51.100.10', port: 51_820, answered: ['198.51.100.10'] },
  }),
  GATE_VPN_SWITCHED: event<{ from: string; to: string }>({
    level: 'warn',
    text: ({ from, to }) =>
      `VPN ${from} gave no tunnel, ${to} is tried: a fresh gateway, nothing of the old one is kept`,
    sample: { from: 'office', to: 'home' },
  }),
  GATE_PATH_NARROW: event<{ mtu: number; planned: number }>({
    level: 'warn',
    text: ({ mtu, planned }) =>
      `the way to the VPN server swallows large packets: the tunnel's carry ${mtu} bytes instead of ${planned}`,
    sample: { mtu: 1_216, planned: 1_420 },
  }),
  GATE_IPV6_OFF: event<{ why: string }>({
    level: 'warn',
    text: ({ why }) => `work VMs have no IPv6, though the VPN has: ${why}`,
    sample: { why: 'it needs packets of 1,280 bytes, and the way to the VPN server carries 1216' },
  }),
  GATE_INSIDE: event<{ addresses: readonly string[]; resolvers: readonly string[]; mtu: number }>({
    level: 'info',
    text: ({ addresses, resolvers }) =>
      `the VPN server gave ${addresses.join(', ')} and the DNS ${resolvers.join(', ')} inside the tunnel: judged, and used`,
    sample: { addresses: ['10.8.0.2/32'], resolvers: ['10.8.0.1'], mtu: 1_400 },
  }),
  GATE_CHECK: event<{ check: string; outcome: string; summary: string; ms: number }>({
    level: 'info',
    text: ({ check, outcome, summary }) => `${check}: ${outcome}, ${summary}`,
    sample: { check: 'tunnel', outcome: 'verified', summary: 'the pinned peer answered 0.3 s ago', ms: 12 },
  }),
  GATE_WORK: event<{ name: string; what: string }>({
    level: 'info',
    text: ({ name, what }) => `work VM ${name} ${what}`,
    sample: { name: 'workvm', what: 'adopted: it kept running, its link is down' },
  }),
  GATE_FOREIGN_FRAME: event<{ why: string; frame: string; canary: boolean; recorded: boolean }>({
    level: 'error',
    text: ({ why, recorded }) =>
      `the guard held back what is not the VPN: ${why}${recorded ? '' : '; the evidence files took nothing of it'}`,
    sample: { why: 'UDP to 8.8.8.8:53 instead of the VPN endpoint', frame: '525501...', canary: false, recorded: true },
  }),
  /** `evidence`: digest of the pcap that `vmgate evidence --export` would have written then; the receipt holds it too. */
  GATE_RECEIPT: event<{ receipt: string; evidence: string; expires: string }>({
    level: 'info',
    text: ({ receipt, evidence }) => `receipt ${receipt.slice(0, 19)} signed, about evidence ${evidence.slice(0, 19)}`,
    sample: {
      receipt: 'sha256:3fa4b2c1d0e9f8a73fa4b2c1d0e9f8a73fa4b2c1d0e9f8a73fa4b2c1d0e9f8a7',
      evidence: 'sha256:87cf6e56a2ffb6b2c0e5c4b0c3f5bb3d3bb1a3b9d4f2e5e3c4a5d6e7f8091a2b',
      expires: '2026-11-23T07:49:43.120Z',
    },
  }),
  /** The first one that a desktop did not show; the others are silent. */
  GATE_NOTIFICATION_NOT_SHOWN: event<{ why: string }>({
    level: 'info',
    text: ({ why }) => `no desktop notification could be shown, and none that fails is told again: ${why}`,
    sample: { why: 'notify-send is not installed' },
  }),
  GATE_ENVIRONMENT: event<{ ignored: readonly string[]; alreadyRead: readonly string[] }>({
    level: 'warn',
    text: ({ ignored, alreadyRead }) =>
      `ignored from the environment: ${ignored.join(', ')}${alreadyRead.length > 0 ? `; had an effect on this process already: ${alreadyRead.join(', ')}` : ''}`,
    sample: { ignored: ['HTTPS_PROXY', 'NODE_OPTIONS'], alreadyRead: ['NODE_OPTIONS'] },
  }),
  GATE_UNEXPECTED: event<{ effect: string; code: string; what: string }>({
    level: 'warn',
    text: ({ effect, what }) => (what.startsWith(inWords(effect)) ? what : `${inWords(effect)} failed: ${what}`),
    sample: { effect: 'pulse', code: 'GATEWAY_SILENT', what: 'the gateway did not answer within 4 s' },
  }),
});

/** Why something stops that was begun before a close: the reason of its abort signal. */
export function cutShort(): VmgateError {
  return VmgateError.of(errors.GATE_CANCELLED, { what: 'what was begun before the gate closed' });
}
