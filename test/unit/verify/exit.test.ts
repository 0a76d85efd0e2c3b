import { afterEach, describe, expect, test } from '@jest/globals';
import type { ExitSettings } from '../../../src/core/checks/exit.ts';
import { LabPass } from '../../../src/lab/pass.ts';
import { type VerifyContext, verifyGate } from '../../../src/verify/index.ts';
import type { TunnelPlan } from '../../../src/vpn/tunnel-plan.ts';
import { policy, tunnel } from '../core/checks/facts.ts';
import { makeAuthority } from './certificates.ts';
import { contextOf, tunnelPlan, verdict } from './contexts.ts';
import { type ExitServer, exitServer, type Responder } from './exit-server.ts';
import { FakeGate } from './fake-gate.ts';

const HOST = 'ip.lab.example';
const ADDRESS = '203.0.113.80';
const authority = makeAuthority('test authority');
const trusted = LabPass.of({
  uplink: { kind: 'user' },
  addressing: { kind: 'dhcp' },
  endpoint: { address: '198.51.100.10', port: 51_820 },
  exitCa: authority.certificate,
  removedDefences: [],
});
const settings: ExitSettings = { url: `https://${HOST}/ip?v=4`, expect: ['203.0.113.0/24'] };
const says =
  (body: string, status = 200, headers: Record<string, string> = {}): Responder =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };

const servers: ExitServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function gateWith(server: Promise<ExitServer>): Promise<{ gate: FakeGate; server: ExitServer }> {
  const running = await server;
  servers.push(running);
  const gate = new FakeGate();
  gate.names.set(HOST, ADDRESS);
  gate.dial = running.dial;
  return { gate, server: running };
}

async function ask(gate: FakeGate, change: Partial<VerifyContext> = {}) {
  const report = await verifyGate(contextOf(gate, { exit: settings, lab: trusted, ...change }), {
    mode: 'full',
    held: [],
  });
  return { report, exit: verdict(report, 'exit') };
}

describe('the exit check over https', () => {
  test('claims the address a server with a good certificate tells, asked by name through the tunnel', async () => {
    const { gate, server } = await gateWith(exitServer(authority.issue(HOST), says('203.0.113.7\n')));
    const { report, exit } = await ask(gate, { clock: { wallMs: Date.now, monotonicMs: () => performance.now() } });
    expect(exit).toMatchObject({ outcome: 'verified', summary: 'traffic comes out at 203.0.113.7' });
    expect(report.claim).toBeUndefined(); // The fake's clock stands still while its server tells today's date.
    expect(gate.dialled).toEqual([`${ADDRESS}:443`]);
    expect(server.asked).toEqual([{ path: '/ip?v=4', host: HOST, servername: HOST }]);
    expect(gate.log).toContain(`dns ${HOST}`);
  });

  test('claims it in the report when everything else is verified too', async () => {
    const { gate } = await gateWith(
      exitServer(authority.issue(HOST), (response) => {
        response.sendDate = false;
        response.end('203.0.113.7');
      }),
    );
    const { report } = await ask(gate);
    expect(report).toMatchObject({ allVerified: true, claim: { kind: 'address', address: '203.0.113.7' } });
  });

  test('refutes the clock by the date of the exit server', async () => {
    const date = new Date(Date.UTC(2020, 0)).toUTCString();
    const { gate } = await gateWith(exitServer(authority.issue(HOST), says('203.0.113.7', 200, { date })));
    const { report } = await ask(gate);
    expect(verdict(report, 'clock')).toMatchObject({ outcome: 'refuted', summary: "this machine's clock is wrong" });
  });

  test.each([
    ['of another name', authority.issue('other.example'), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['that expired', authority.issue(HOST, Date.now() - 86_400_000), 'CERT_HAS_EXPIRED'],
    ['of another authority', makeAuthority('test authority').issue(HOST), 'CERT_SIGNATURE_FAILURE'],
    ['of an unknown authority', makeAuthority('stranger').issue(HOST), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('refutes a certificate %s, without asking', async (_, issued, reason) => {
    const { gate, server } = await gateWith(exitServer(issued, says('203.0.113.7')));
    const { report, exit } = await ask(gate);
    expect(exit).toMatchObject({
      outcome: 'refuted',
      evidence: [expect.stringContaining(ADDRESS), expect.stringContaining(reason)],
    });
    expect(server.asked).toEqual([]);
    expect(report.allVerified).toBe(false);
  });

  test('trusts no authority but the public ones without a lab, whatever the environment says', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const { gate } = await gateWith(exitServer(authority.issue(HOST), says('203.0.113.7')));
      const { exit } = await ask(gate, { lab: undefined });
      expect(exit.outcome).toBe('refuted');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  test.each<[string, Responder, string, string]>([
    ['a redirect', says('', 302, { location: 'https://elsewhere.example/' }), 'unknown', 'status 302'],
    ['an endless page', says('x'.repeat(70_000)), 'unknown', 'VERIFY_EXIT_TOO_LONG'],
    ['a broken answer', (response) => response.socket?.destroy(), 'unknown', 'VERIFY_EXIT_UNREACHABLE'],
    [
      'an answer that breaks off',
      (response) => {
        response.writeHead(200, { 'content-length': '100' }).write('203.');
        setImmediate(() => response.socket?.destroy());
      },
      'unknown',
      'VERIFY_EXIT_UNREACHABLE',
    ],
    ['another address', says('198.51.100.99'), 'refuted', '198.51.100.99'],
  ])('%s', async (_, respond, outcome, mentions) => {
    const { gate } = await gateWith(exitServer(authority.issue(HOST), respond));
    const { exit } = await ask(gate);
    expect([exit.outcome, exit.evidence.join('\n')]).toEqual([outcome, expect.stringContaining(mentions)]);
  });

  test('something that does not speak TLS, a portal for one, is unknown', async () => {
    const { gate } = await gateWith(exitServer(undefined, says('203.0.113.7')));
    expect((await ask(gate)).exit).toMatchObject({ outcome: 'unknown', evidence: ['VERIFY_EXIT_UNREACHABLE'] });
  });

  test('a connection nobody accepts is unknown', async () => {
    const gate = new FakeGate();
    gate.names.set(HOST, ADDRESS);
    const { exit } = await ask(gate);
    expect(exit).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('nothing listens') });
  });
});

describe('where the exit check asks', () => {
  test('a literal address is not resolved, and plain http inside the tunnel is allowed', async () => {
    const { gate, server } = await gateWith(exitServer(undefined, says('{"ok":true}')));
    const { report, exit } = await ask(gate, {
      exit: { url: 'http://10.66.0.1:8080/', expect: { json: { ok: true } } },
    });
    expect(exit.outcome).toBe('verified');
    expect(report.claim).toEqual({ kind: 'address', address: 'as expected by 10.66.0.1' });
    expect(gate.dialled).toEqual(['10.66.0.1:8080']);
    expect(server.asked).toEqual([{ path: '/', host: '10.66.0.1:8080', servername: undefined }]);
  });

  test('https at a literal address checks the certificate against the address', async () => {
    const { gate } = await gateWith(exitServer(authority.issue(HOST), says('203.0.113.7')));
    const { exit } = await ask(gate, { exit: { ...settings, url: `https://${ADDRESS}/` } });
    expect(exit).toMatchObject({
      outcome: 'refuted',
      evidence: [expect.anything(), expect.stringContaining('ALTNAME')],
    });
  });

  test('a name the resolver does not know', async () => {
    const { exit } = await ask(new FakeGate());
    expect(exit).toMatchObject({ outcome: 'unknown', evidence: ['VERIFY_EXIT_UNRESOLVED'] });
  });

  test('a name that leads to loopback is not asked', async () => {
    const gate = new FakeGate();
    gate.names.set(HOST, '127.0.0.1');
    const { exit } = await ask(gate);
    expect(exit).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('no exit server') });
    expect(gate.dialled).toEqual([]);
  });

  test('a split tunnel without expectation is not verified, and asks in its own zone', async () => {
    const gate = new FakeGate();
    const split: TunnelPlan = { ...tunnelPlan, split: true, routes: ['10.66.0.0/24'], searchDomains: ['acme.example'] };
    const report = await verifyGate(
      contextOf(gate, { tunnelPlan: split, policy: { ...policy, tunnel: { ...tunnel, routes: ['10.66.0.0/24'] } } }),
      { mode: 'full', held: [] },
    );
    expect(verdict(report, 'exit')).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('split') });
    expect(gate.log).toContain('dns NONCE.acme.example');
    expect(report.claim).toBeUndefined();
  });
});
