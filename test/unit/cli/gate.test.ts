import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { occur, VmgateError } from '../../../src/core/coded.ts';
import { udpFrame } from '../../../src/frame/index.ts';
import { Evidence } from '../../../src/guard/evidence.ts';
import { Journal } from '../../../src/home/index.ts';
import { errors, events } from '../../../src/supervisor/codes.ts';
import type { Exchange } from '../../../src/supervisor/server.ts';
import { CONFIG, Laptop, PROFILE, phaseEvent, report, scripted } from './command-line.ts';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', CONFIG);
});
afterEach(() => laptop.clear());

const refuse = () => {
  const why = 'the VPN server did not answer';
  const payload = { gate: 'default', phase: 'closed', why, remedy: 'vmgate vpn show' } as const;
  throw VmgateError.of(errors.GATE_NOT_VERIFIED, payload, { evidence: ['tunnel: unknown'] });
};

describe('status', () => {
  test('of a gate that is down', async () => {
    const { exit, stdout } = await laptop.type('status');
    expect(exit).toBe(0);
    expect(stdout).toContain('gate default is down');
    expect(stdout).toContain('next     vmgate up');
  });

  test('of an open gate', async () => {
    const lastEvent = { ...phaseEvent('open'), at: '2026-01-02T07:48:43.120Z' };
    await laptop.supervise(scripted(report({ lastEvent })));
    const { stdout } = await laptop.type('status');
    expect(stdout.replace(/\s+note .*/s, '\n').split('\n')).toEqual([
      expect.stringMatching(/^gate default is OPEN \(since 2026-01-02 03:04 UTC, \d+ d( \d+ h)?\)$/),
      '  vpn      acme, server 198.51.100.10:51820',
      '  proven   exit address 203.0.113.9; good for 42 s more unless renewed',
      '  work VM  web: running, wire up, 10.75.1.2',
      '  work VM  bank: stopped',
      '  tunnel   340 MB out, 1.2 GB in',
      '  blocked  0 foreign frames; 7 frames of the VPN while it was closed',
      '  uplink   left: wireguard 12',
      '  last     07:48:43 UTC gate default is open',
      '  next     vmgate start bank',
      '',
    ]);
  });

  test.each([
    [{ events: 2, frames: 0 }, 'not written down: 2 events of the journal: the disk is full'],
    [{ events: 0, frames: 4_800 }, 'not written down: 4,800 blocked frames: too many at once, or the disk is full'],
    [{ events: 1, frames: 1 }, 'not written down: 1 event of the journal, 1 blocked frame: the disk is full'],
  ])('what is missing in the records is said: %j', async (unwritten, said) => {
    await laptop.supervise(scripted(report({ unwritten })));
    expect((await laptop.type('status')).stdout).toContain(`  note     ${said}\n`);
  });

  test('what of this machine goes through the gate is said', async () => {
    await laptop.supervise(scripted(report({ host: { listeners: 1, connections: 3 } })));
    const said = '  host     1 proxy or forward of this machine, 3 connections through the gate\n';
    expect((await laptop.type('status')).stdout).toContain(said);
  });

  test('--json is one object, and says when vmgate.yaml has changed', async () => {
    await laptop.supervise(scripted(report()));
    const [object, ...more] = (await laptop.type('status', '--json')).json();
    expect(more).toEqual([]);
    expect(object).toMatchObject({ version: 1, phase: 'open', config: { changed: true } });
  });

  test('what comes from outside is escaped', async () => {
    await laptop.supervise(scripted(report({ why: 'evil \u001b[2J title', phase: 'closed' })));
    const { stdout } = await laptop.type('status');
    expect(stdout).toContain('evil \\x1b[2J title');
    expect(stdout).not.toContain('\u001b');
  });

  test('an edited vmgate.yaml is seen, whatever was remembered', async () => {
    expect((await laptop.type('status')).stdout).toContain('gate default');
    laptop.write('vmgate.yaml', `${CONFIG}gate: acme\n`);
    expect((await laptop.type('status')).stdout).toContain('gate acme');
    laptop.write('vmgate.local.yaml', 'vpn: other\nnonsense: 1\n');
    expect((await laptop.type('status')).stderr).toContain('CONFIG_INVALID');
  });
});

describe('start', () => {
  test('of an unknown name is the user’s error, whatever the gate does', async () => {
    const { exit, stderr } = await laptop.type('start', 'wbe');
    expect(exit).toBe(2);
    expect(stderr).toContain('GATE_UNKNOWN_VM');
    expect(stderr).toContain('web, bank');
  });

  test('before up is refused', async () => {
    const { exit, stderr } = await laptop.type('start', 'web');
    expect(exit).toBe(4);
    expect(stderr).toMatch(
      /error GATE_NOT_VERIFIED: refused: gate default is down, no tunnel is proven\n {2}next: vmgate up/,
    );
  });

  test('is refused with the supervisor’s reason', async () => {
    await laptop.supervise(scripted(report({ phase: 'closed' }), { start: refuse }));
    const { exit, stderr } = await laptop.type('start', 'web');
    expect(exit).toBe(4);
    expect(stderr).toContain('the VPN server did not answer');
    expect(stderr).toContain('saw: tunnel: unknown');
    expect(stderr).toContain('next: vmgate vpn show');
  });

  test('says how to get in', async () => {
    await laptop.supervise(scripted(report(), { start: () => ({ already: false }) }));
    expect((await laptop.type('start', 'web')).stdout).toContain('vmgate ssh web');
    const [result] = (await laptop.type('start', 'web', '--json')).json();
    expect(result).toEqual({
      ...{ name: 'web', status: 'running', already: false, disposable: false },
      provisioned: { ran: [], before: [] },
    });
  });
});

describe('up', () => {
  test('is refused until the folder was confirmed', async () => {
    const { exit, stderr } = await laptop.type('up');
    expect(exit).toBe(6);
    expect(stderr).toContain('TRUST_PROJECT_UNCONFIRMED');
    expect(stderr).toContain('vmgate trust');
  });

  test('says at once what needs no gateway to be known, and begins nothing', async () => {
    await laptop.type('vpn', 'add', 'acme', PROFILE);
    await laptop.type('trust');
    const unbuilt = await laptop.type('up');
    expect(unbuilt).toMatchObject({
      exit: 3,
      stderr: expect.stringMatching(/^error IMAGE_NOT_FOUND.*\n {2}next: vmgate image build/),
    });
    const onLink = laptop.write(
      'lan.conf',
      readFileSync(PROFILE, 'utf8').replace(/^Endpoint.*$/m, 'Endpoint = 192.168.1.5:51820'),
    );
    await laptop.type('vpn', 'remove', 'acme');
    await laptop.type('vpn', 'add', 'acme', onLink);
    expect(await laptop.type('up')).toMatchObject({
      exit: 4,
      stderr: expect.stringMatching(/^error VPN_ENDPOINT_PRIVATE/),
    });
    expect(existsSync(laptop.layout.gate('default').journal)).toBe(false);
  });

  test('one fault is told once, however many phases pass it on', async () => {
    await laptop.type('trust');
    const why = 'the VPN server did not answer';
    const handle = scripted(report(), {
      up: ({ event }) => {
        event(occur(events.GATE_UNEXPECTED, { effect: 'startTunnel', code: 'GATE_TUNNEL_SILENT', what: why }));
        event(occur(events.GATE_PHASE, { gate: 'default', phase: 'closing' as const, why }));
      },
    });
    await laptop.supervise(handle);
    const { stderr } = await laptop.type('up');
    expect(stderr).toContain(`connecting the VPN failed: ${why}\ngate default is closing\n`);
    expect((await laptop.type('up', '--json')).json()).toMatchObject([
      {},
      { text: `gate default is closing: ${why}` },
      {},
    ]);
  });

  test('attaches to the one that is under way, tells its events, ends with the status', async () => {
    const handler = scripted(report(), {
      up: ({ event }) => {
        event(phaseEvent('booting'));
        return report();
      },
    });
    await laptop.supervise(handler);
    await laptop.type('trust');
    const { exit, json } = await laptop.type('up', '--json');
    expect(exit).toBe(0);
    expect(json()).toMatchObject([{ code: 'GATE_PHASE', payload: { phase: 'booting' } }, { phase: 'open' }]);
    expect((await laptop.type('up')).stderr).toContain('gate default is booting');
    expect((await laptop.type('up', '--quiet')).stderr).toBe('');
  });

  test('refused by the network: exit 4, and how to end the retries', async () => {
    await laptop.supervise(scripted(report({ phase: 'closed' }), { up: refuse }));
    await laptop.type('trust');
    const { exit, stderr } = await laptop.type('up');
    expect(exit).toBe(4);
    expect(stderr).toContain('vmgate down --gate default');
  });

  test('starts what is to start with it', async () => {
    laptop.write('vmgate.yaml', CONFIG.replace('bank: {template: tiny', 'bank: {template: tiny, autostart: true'));
    const handler = scripted(report(), { up: () => report(), start: () => ({ already: false }) });
    await laptop.supervise(handler);
    await laptop.type('trust');
    expect((await laptop.type('up')).exit).toBe(0);
    expect(handler.asked.at(-1)).toBe('{"verb":"start","name":"bank"}');
  });
});

describe('stop, down, verify', () => {
  test('stop --force', async () => {
    const handler = scripted(report(), { stop: () => ({ already: false }) });
    await laptop.supervise(handler);
    expect(await laptop.type('stop', 'web', '--force')).toMatchObject({ exit: 0, stdout: 'web is stopped\n' });
    expect(handler.asked).toEqual(['{"verb":"stop","name":"web","force":true}']);
  });

  test('down, and down again', async () => {
    const ended = occur(events.GATE_PHASE, { gate: 'default', phase: 'down' as const, why: '' });
    const down = ({ event }: Exchange) => {
      event(ended);
      return { already: false };
    };
    await laptop.supervise(scripted(report(), { down }));
    expect(await laptop.type('down')).toMatchObject({ stdout: 'gate default is down\n', stderr: '' });
    expect((await laptop.type('down', '--json')).json()).toMatchObject([{ code: 'GATE_PHASE' }, { phase: 'down' }]);
    const other = new Laptop();
    other.write('vmgate.yaml', CONFIG);
    expect((await other.type('down')).stdout).toBe('gate default is down already\n');
    other.clear();
  });

  test('verify shows each check, and ends with 4 when the gate closed over it', async () => {
    const verdict = {
      check: 'tunnel',
      outcome: 'refuted' as const,
      summary: 'the peer is silent',
      evidence: ['last handshake 200 s ago'],
      remedy: 'vmgate up',
      trust: { gatewayCouldFake: '', hostWitness: '' },
      durationMs: 3,
    };
    const found = { open: false, verdicts: [verdict], claim: null };
    await laptop.supervise(scripted(report(), { verify: () => found }));
    const { exit, stdout } = await laptop.type('verify');
    expect(exit).toBe(4);
    expect(stdout).toContain('tunnel    refuted   the peer is silent');
    expect(stdout).toContain('saw: last handshake 200 s ago');
    const { json } = await laptop.type('verify', '--json');
    expect(json()).toEqual([found]);
  });
});

test('--gate: this folder’s own by its name, and no gate that never was', async () => {
  expect(await laptop.type('status', '--gate', 'default')).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('web'),
  });
  for (const verb of ['status', 'down']) {
    const { exit, stderr } = await laptop.type(verb, '--gate', 'defualt');
    expect({ exit, stderr }).toMatchObject({ exit: 2, stderr: expect.stringContaining('error GATE_ORIGIN_GONE') });
  }
});

describe('a folder that does not say which gate is meant', () => {
  const ends = { down: () => ({ already: false }), stop: () => ({ already: false }) };
  const cameUp = (gate: string) => {
    const { folder, origin } = laptop.layout.gate(gate);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(origin, `${laptop.project}/vmgate.yaml\n`);
  };

  test.each(['status', 'down', 'stop web', 'logs', 'verify'])('%s names the gates that there are', async (verb) => {
    rmSync(`${laptop.project}/vmgate.yaml`);
    const typed = verb.split(' ');
    expect((await laptop.type(...typed)).stderr).toContain('next: vmgate init\n');
    cameUp('acme');
    const { exit, stderr } = await laptop.type(...typed);
    expect(exit).toBe(2);
    expect(stderr).toMatch(/^error CONFIG_MISSING: .*\n {2}next: say which gate is meant: --gate acme; /);
    cameUp('other');
    expect((await laptop.type(...typed)).stderr).toContain('--gate NAME (there is: acme, other); ');
  });

  test('--gate of a gate whose file broke: what is wrong with it, not that there is none', async () => {
    cameUp('acme');
    laptop.write('vmgate.yaml', `${CONFIG}gate: acme\nnonsense: 1\n`);
    for (const typed of ['up', 'policy show', 'vm rm web']) {
      const { exit, stderr } = await laptop.type(...typed.split(' '), '--gate', 'acme');
      expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringMatching(/^error CONFIG_INVALID: .*nonsense/) });
    }
    expect(await laptop.type('status', '--gate', 'acme')).toMatchObject({ exit: 0 });
    rmSync(`${laptop.project}/vmgate.yaml`);
    expect((await laptop.type('up', '--gate', 'acme')).stderr).toContain('GATE_ORIGIN_GONE');
  });

  test('down and stop reach the gate that came up from a file that broke since', async () => {
    const handler = scripted(report(), ends);
    await laptop.supervise(handler);
    cameUp('default');
    laptop.write('vmgate.yaml', `${CONFIG}nonsense: 1\n`);
    expect((await laptop.type('status')).stderr).toContain('CONFIG_INVALID');
    expect(await laptop.type('stop', 'web')).toMatchObject({ exit: 0, stdout: 'web is stopped\n' });
    expect(await laptop.type('down')).toMatchObject({ exit: 0, stdout: 'gate default is down\n' });
    expect(handler.asked).toHaveLength(2);
    cameUp('acme');
    expect(await laptop.type('down')).toMatchObject({ exit: 2, stderr: expect.stringContaining('CONFIG_INVALID') });
    expect(await laptop.type('down', '--gate', 'default')).toMatchObject({ exit: 0 });
    expect(await laptop.type('down', '--gate', '../gates')).toMatchObject({ exit: 2 });
    // A template that is not here is no fault of the file (exit 6), and no reason to leave a gate running.
    laptop.write('vmgate.yaml', 'version: 1\ntemplate: registry.example.com/team/dev:3\n');
    expect(await laptop.type('status')).toMatchObject({ exit: 6 });
    expect(await laptop.type('down', '--gate', 'default')).toMatchObject({ exit: 0 });
  });
});

describe('logs', () => {
  test('of a part that wrote nothing', async () => {
    expect((await laptop.type('logs', '--supervisor')).stdout).toBe('the supervisor has written nothing\n');
    expect((await laptop.type('logs', '--supervisor', '--json')).json()).toEqual([{ lines: [] }]);
  });

  test('are the journal’s last events, escaped', async () => {
    await laptop.supervise(scripted(report(), { logs: () => ({ gateway: 'one\ntwo\u001b]0;x\u0007\n' }) }));
    const journal = new Journal(laptop.layout.gate('default').journal);
    for (const why of ['first', 'second \u001b[31m']) {
      journal.append(occur(events.GATE_PHASE, { gate: 'default', phase: 'closed' as const, why }));
    }
    journal.close();
    const { stdout } = await laptop.type('logs', '-n', '1');
    expect(stdout).toMatch(/^\d\d-\d\d \d\d:\d\d:\d\d {3}GATE_PHASE\s+gate default is closed: second \\x1b\[31m\n$/);
    expect((await laptop.type('logs', '--json')).json()).toMatchObject([{ events: [{}, {}] }]);
    expect((await laptop.type('logs', '--gateway', '-n', '1')).stdout).toBe('two\\x1b]0;x\\x07\n');
  });
});

describe('with the gate down', () => {
  test.each([
    [['portal'], 'gateway to let you through to a portal'],
    [['logs', '--follow'], 'supervisor to follow'],
    [['logs', '--gateway'], 'gateway whose log could be read'],
    [['view', 'web', '--screenshot', 'web.png'], 'supervisor to take the picture'],
  ])('%j: there is nobody to ask, which is no refusal for want of a tunnel', async (typed, wanted) => {
    const { exit, stderr } = await laptop.type(...typed);
    expect({ exit, stderr }).toEqual({
      exit: 4,
      stderr: `error GATE_NOT_UP: gate default is not up: there is no ${wanted}\n  next: vmgate up\n`,
    });
  });

  test.each(['console', 'view'])('%s of a VM: up comes before start', async (verb) => {
    const { exit, stderr } = await laptop.type(verb, 'web');
    expect(exit).toBe(4);
    expect(stderr).toMatch(/^error GATE_WORK_NOT_RUNNING: .*\n {2}next: vmgate up && vmgate start web\n$/);
    await laptop.supervise(scripted(report({ phase: 'closed' })));
    expect((await laptop.type(verb, 'web')).stderr).toContain('next: vmgate start web\n');
  });
});

describe('ssh', () => {
  test('before up is refused', async () => {
    expect(await laptop.type('ssh', 'web')).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('GATE_NOT_VERIFIED'),
    });
  });

  test('--gate counts before NAME; behind it, it is part of the command', async () => {
    mkdirSync(laptop.layout.gate('acme').folder, { recursive: true, mode: 0o700 });
    expect((await laptop.type('ssh', '--gate', 'acme', 'web')).stderr).toContain('gate acme is down');
    expect((await laptop.type('ssh', 'web', '--gate', 'acme')).stderr).toContain('gate default is down');
  });

  test('to a VM that does not run, or whose wire is down', async () => {
    const down = report({ phase: 'closed', why: 'the tunnel is lost' });
    const work = [{ name: 'web', status: 'running', linkUp: false, address: '', pid: 1 }];
    await laptop.supervise(scripted({ ...down, work }));
    const { exit, stderr } = await laptop.type('ssh', 'web');
    expect({ exit, stderr }).toEqual({ exit: 4, stderr: expect.stringContaining('the tunnel is lost') });
    expect((await laptop.type('ssh', 'bank')).stderr).toContain('GATE_WORK_NOT_RUNNING');
  });

  test('--stdio carries bytes both ways', async () => {
    await laptop.supervise(
      scripted(report(), {
        dial: ({ raw }) => {
          const stream = raw(null);
          stream.on('data', (chunk: Buffer) => stream.end(`SSH-2.0-echo ${chunk}`)).resume();
        },
      }),
    );
    const stdin = new PassThrough();
    stdin.end('hello');
    const { exit, stdout } = await laptop.typeWith({ stdin }, 'ssh', '--stdio', 'web');
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'SSH-2.0-echo hello' });
  });

  test('ssh-config pins key and proxy', async () => {
    const { stdout } = await laptop.type('ssh-config', 'web');
    const folder = `${laptop.layout.gate('default').work('web')}/ssh`;
    expect(stdout).toContain('Host vmgate-web\n');
    expect(stdout).toContain(`  ProxyCommand env VMGATE_HOME=${laptop.home} ${process.execPath} `);
    expect(stdout).toMatch(/main\.js'? ssh --stdio --gate default web\n/);
    expect(stdout).toContain(`  UserKnownHostsFile "${folder}/known_hosts"\n`);
    expect(stdout).toContain('  StrictHostKeyChecking yes\n');
    expect(stdout).toContain('  ForwardAgent no\n');
  });

  test('a foreign disk: the key of the first contact, the user’s own keys', async () => {
    laptop.write('vmgate.yaml', 'version: 1\nvpn: acme\nwork: {win: {disk: /x.qcow2}}\n');
    const { stdout } = await laptop.type('ssh-config');
    expect(stdout).toContain('StrictHostKeyChecking accept-new');
    expect(stdout).not.toContain('IdentityFile');
  });
});

describe('evidence', () => {
  test('where nothing tried to leave', async () => {
    const { exit, stdout } = await laptop.type('evidence');
    expect(exit).toBe(0);
    expect(stdout).toBe(
      'gate default: nothing tried to leave but what the policy allows; no frame is kept\n  left     nothing now: no gateway runs\n',
    );
  });

  test('frames in words, the first ones first, and as a file', async () => {
    const kept = new Evidence(laptop.layout.gate('default').evidence, 1_048_576);
    const ends = { source: '10.0.2.15', destination: '192.0.2.8', sourcePort: 4_444, destinationPort: 53 };
    const hop = { sourceMac: '52:54:00:00:00:01', destinationMac: '52:55:0a:00:02:02' };
    for (const second of [1, 2, 3]) kept.keep(udpFrame(hop, ends, Buffer.from('leak')), second * 1_000);
    kept.close();
    await laptop.supervise(scripted(report()));
    const { stdout } = await laptop.type('evidence', '-n', '2', '--export', 'leak.pcap');
    expect(stdout.split('\n')).toEqual([
      'gate default: 3 frames that tried to leave and did not, UTC',
      '  3 frames  udp to 192.0.2.8:53  01-01 00:00:01 to 01-01 00:00:03',
      '  the first ones:',
      expect.stringMatching(/^ {2}01-01 00:00:01\.000 {2}udp 10\.0\.2\.15:4444 > 192\.0\.2\.8:53/),
      expect.stringMatching(/^ {2}01-01 00:00:02\.000 {2}udp /),
      '  ... and 1 more',
      '  left     since its gateway booted: wireguard 12; stopped: 0',
      expect.stringMatching(/^ {2}written {2}\/.*\/leak\.pcap$/),
      expect.stringMatching(/^ {11}sha256:[0-9a-f]{64}$/),
      '',
    ]);
    const [object] = (await laptop.type('evidence', '--json')).json();
    expect(object).toMatchObject({ gate: 'default', kept: 3, exported: null, uplink: { foreign: 0 } });
    const again = await laptop.type('evidence', '--export', 'leak.pcap');
    expect(again.exit).toBe(2);
    expect(again.stderr).toContain('EVIDENCE_EXISTS');
  });
});
