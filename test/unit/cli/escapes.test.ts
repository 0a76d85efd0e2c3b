/**
 * Guest names, logs, banners, file names, configuration and journal hold what would repaint a terminal, in every string
 * there is; no command lets any of it through, on a terminal, off one, or under --json.
 *
 * @leakCase 71 none: no text from outside draws on a terminal, whichever command shows it, and whichever string held it
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { occur, VmgateError } from '../../../src/core/coded.ts';
import { composeReceipt } from '../../../src/core/receipt.ts';
import { buildDnsQuery, pcapHeader, pcapRecord, udpFrame } from '../../../src/frame/index.ts';
import { Journal } from '../../../src/home/index.ts';
import { escapeBlock, escapeJson, escapeLine, machineProcesses, monotonicMs, wallMs } from '../../../src/host/index.ts';
import { errors, events } from '../../../src/supervisor/codes.ts';
import { installationKey, writeReceipt } from '../../../src/trust/index.ts';
import { receiptFacts } from '../core/receipt-facts.ts';
import { CONFIG, Laptop, PROFILE, report, scripted, type Typed } from './command-line.ts';
import { EVERYTHING, HOSTILE, live, poisoned } from './hostile-text.ts';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', CONFIG);
});
afterEach(() => laptop.clear());

/** Said, and harmless; `shows`: the hostile text itself was part of the answer, made visible. */
function expectHarmless({ stdout, stderr }: Pick<Typed, 'stdout' | 'stderr'>, shows = true): void {
  const said = `${stdout}${stderr}`;
  expect({ said: said.length > 0, live: live(said) }).toEqual({ said: true, live: [] });
  if (shows) expect(said).toMatch(/\\(x1b|u001b)/);
}

describe('the escapes themselves', () => {
  test.each(HOSTILE)('case 71: %s', (_what, text) => {
    expect(live(escapeLine(text))).toEqual([]);
    expect(live(escapeBlock(text))).toEqual([]);
    const json = escapeJson(JSON.stringify({ text }));
    expect(live(json)).toEqual([]);
    expect(JSON.parse(json)).toEqual({ text });
    // Once is enough: what is escaped stays as it is.
    expect(escapeBlock(escapeLine(text))).toBe(escapeLine(text));
  });

  test.each(HOSTILE)('case 71, anti-test: %s, printed as it is, is noticed', (_what, text) => {
    expect(live(text)).not.toEqual([]);
  });
});

const verdict = {
  check: 'exit',
  outcome: 'refuted' as const,
  summary: 'someone else answered',
  evidence: ['HTTP/1.1 200 OK'],
  remedy: 'vmgate verify',
  trust: { gatewayCouldFake: '', hostWitness: '' },
  durationMs: 1,
};
/** By these a day knows what an event is. */
const KEEP = ['level', 'code', 'at', 'phase'];
const hostileReport = () =>
  poisoned(report({ why: 'because', verdicts: [verdict], ignoredEnvironment: ['HTTPS_PROXY'] }), ['outcome', 'kind']);
const hostileEvent = () =>
  poisoned(occur(events.GATE_PHASE, { gate: 'default', phase: 'closed' as const, why: 'because' }), ['level']);
const hostileFault = () => {
  const payload = poisoned({ gate: 'default', phase: 'closed' as const, why: 'because', remedy: 'vmgate up' });
  return VmgateError.of(errors.GATE_NOT_VERIFIED, payload, { evidence: [EVERYTHING, `tunnel: ${EVERYTHING}`] });
};
const both: readonly (readonly [how: string, ...flags: string[]])[] = [['as text'], ['as JSON', '--json']];
const flags = both.map(([, ...flags]) => flags);

describe('case 71: what a supervisor passes on', () => {
  test.each(both)('status %s', async (_how, ...json) => {
    await laptop.supervise(scripted(hostileReport()));
    expectHarmless(await laptop.type('status', ...json));
    expectHarmless(await laptop.type('status', '--line', ...json));
  });

  test.each(both)('verify %s', async (_how, ...json) => {
    const verified = () => ({
      open: false,
      verdicts: hostileReport().verdicts,
      claim: { kind: 'address', address: EVERYTHING },
    });
    await laptop.supervise(
      scripted(report(), {
        verify: ({ event }) => {
          event(hostileEvent());
          return verified();
        },
      }),
    );
    expectHarmless(await laptop.type('verify', ...json));
  });

  test.each(both.flatMap((how) => ['start', 'up'].map((command) => [command, ...how] as const)))(
    'events and refusal of %s %s',
    async (command, _how, ...json) => {
      await laptop.type('trust');
      const refuse = ({ event }: { event: (told: ReturnType<typeof hostileEvent>) => void }) => {
        event(hostileEvent());
        throw hostileFault();
      };
      await laptop.supervise(scripted(report({ phase: 'closed' }), { up: refuse, start: refuse }));
      const argv = command === 'start' ? ['start', 'web', ...json] : ['up', ...json];
      expectHarmless(await laptop.type(...argv));
    },
  );

  test.each(both)("logs --gateway: what the gateway's kernel and daemons wrote %s", async (_how, ...json) => {
    await laptop.supervise(scripted(report(), { logs: () => ({ gateway: `dnsmasq: ${EVERYTHING}\n${EVERYTHING}` }) }));
    expectHarmless(await laptop.type('logs', '--gateway', ...json));
  });
});

describe('case 71: what lies on the disk', () => {
  test.each(both)('journal %s', async (_how, ...json) => {
    const { folder, journal } = laptop.layout.gate('default');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const written = new Journal(journal);
    written.append({ ...hostileEvent(), at: EVERYTHING, code: EVERYTHING });
    written.append(hostileEvent());
    written.close();
    expectHarmless(await laptop.type('logs', ...json));
  });

  test.each(both)('the day: journal and samples %s', async (_how, ...json) => {
    const { folder, journal, samples } = laptop.layout.gate('default');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const written = new Journal(journal);
    written.append(poisoned(occur(events.GATE_PHASE, { gate: 'default', phase: 'closed', why: 'because' }), KEEP));
    written.append({ ...hostileEvent(), level: 'error' });
    written.close();
    writeFileSync(samples, `${EVERYTHING}\n`);
    const page = path.join(laptop.project, `day${json.length}.html`);
    expectHarmless(await laptop.type('evidence', '--timeline', ...json));
    expectHarmless(await laptop.type('evidence', '--html', page, ...json));
    expectHarmless({ stdout: readFileSync(page, 'utf8'), stderr: '' });
  });

  test.each(both)("the supervisor's own log %s", async (_how, ...json) => {
    const { folder, supervisorLog } = laptop.layout.gate('default');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(supervisorLog, `Error: ${EVERYTHING}\n`);
    expectHarmless(await laptop.type('logs', '--supervisor', ...json));
  });

  test.each(both)('evidence: a question for a name that is none, %s', async (_how, ...json) => {
    const { evidence } = laptop.layout.gate('default');
    mkdirSync(evidence, { recursive: true, mode: 0o700 });
    const label = Buffer.from('\x1b]0;owned\x07\x9b2J', 'latin1');
    const query = buildDnsQuery(1, 'x'.repeat(label.length));
    label.copy(query, 13);
    const hop = { sourceMac: '52:54:01:00:00:01', destinationMac: '52:54:01:00:00:02' };
    const flow = { source: '10.0.2.15', destination: '8.8.8.8', sourcePort: 40_000, destinationPort: 53 };
    const pcap = Buffer.concat([pcapHeader(2_048), pcapRecord(0, udpFrame(hop, flow, query), 2_048)]);
    writeFileSync(path.join(evidence, 'first.pcap'), pcap);
    const typed = await laptop.type('evidence', ...json);
    expectHarmless(typed, false);
    expect(typed.stdout).toContain('owned');
  });

  test.each([['show'], ['show', '--json'], ['check']])('a receipt with our signature: %s %s', async (verb, ...json) => {
    await laptop.supervise(scripted(report()));
    const { receipts } = laptop.layout.gate('default');
    mkdirSync(receipts, { recursive: true, mode: 0o700 });
    const { claim: _claim, verdicts, ...rest } = receiptFacts();
    const facts = {
      ...rest,
      claim: { kind: 'address', address: EVERYTHING } as const,
      verdicts: poisoned(verdicts, ['check', 'outcome']),
    };
    const now = { wallMs: wallMs(), monotonicMs: monotonicMs(), hostBootId: await machineProcesses.bootId() };
    await writeReceipt(receipts, composeReceipt(facts, now, 60_000), await installationKey(laptop.layout.keys));
    expectHarmless(await laptop.type('receipt', verb, ...json));
  });

  test.each(['receipt check', 'receipt show', 'image import', 'vpn add x'])(
    'a file by a hostile name: %s',
    async (command) => {
      // A path cannot hold a NUL, and half a character is not kept.
      const name = EVERYTHING.replaceAll('\0', '').replaceAll('\ud800', '').replaceAll('/', '');
      expectHarmless(await laptop.type(...command.split(' '), path.join(laptop.project, `${name}.conf`)));
    },
  );

  const broken = [
    ['an unknown key', (text: string) => `version: 1\nvpn: acme\n${JSON.stringify(`wrok${text}`)}: {}\n`],
    ['a value', (text: string) => `version: 1\nvpn: ${JSON.stringify(text)}\n`],
    ['a name', (text: string) => `version: 1\nvpn: acme\nwork: {${JSON.stringify(text)}: {template: tiny}}\n`],
    [
      'an address',
      (text: string) => `version: 1\nvpn: acme\nverify: {exit: {url: ${JSON.stringify(text)}, expect: [1.2.3.4]}}\n`,
    ],
    ['no YAML', (text: string) => `version: 1\nvpn: [${text.replaceAll('\0', '')}\n`],
  ] as const;
  describe.each(broken)('vmgate.yaml: %s', (_what, yaml) => {
    test.each(both)('%s', async (_how, ...json) => {
      laptop.write('vmgate.yaml', yaml(EVERYTHING));
      for (const command of ['status', 'up', 'trust', 'doctor']) {
        expectHarmless(await laptop.type(command, ...json), false);
      }
    });
  });

  test("another folder's path, in what trust says of it", async () => {
    const folder = path.join(
      laptop.project,
      EVERYTHING.replaceAll('\0', '').replaceAll('\ud800', '').replaceAll('/', ''),
    );
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'vmgate.yaml'), CONFIG);
    for (const argv of [['trust'], ['status'], ['up'], ['trust', '--revoke'], ['doctor'], ['trust', '--json']]) {
      expectHarmless(await laptop.typeWith({ cwd: folder }, ...argv), false);
    }
  });
});

describe('case 71: VPN profiles', () => {
  const profiles: readonly (readonly [string, (text: string) => string])[] = [
    ['an unknown setting', (text) => `[Interface]\n${text} = 1\n`],
    ['a hook', (text) => `[Interface]\nPostUp = ${text}\n`],
    ['an endpoint', (text) => `[Peer]\nEndpoint = ${text}:51820\n`],
    ['a key', (text) => `[Interface]\nPrivateKey = ${text}\n`],
    ['a banner in a comment, in front of a line that is none', (text) => `# ${text}\n${text}\n`],
  ];
  test.each(profiles)('%s', async (_what, profile) => {
    const text = EVERYTHING.replaceAll('\ud800', '');
    const file = laptop.write('hostile.conf', profile(text));
    for (const json of flags) expectHarmless(await laptop.type('vpn', 'add', 'x', file, ...json), false);
  });

  test('where a profile came from, and what was kept of it', async () => {
    await laptop.type('vpn', 'add', 'acme', PROFILE);
    const meta = path.join(laptop.layout.vpn, 'acme', 'meta.json');
    writeFileSync(meta, JSON.stringify(poisoned({ version: 1, addedAt: 'x', source: '/x', split: false, dns: [] })));
    for (const argv of [['vpn', 'list'], ['vpn', 'show', 'acme'], ['vpn', 'show', 'acme', '--json'], ['doctor']]) {
      expectHarmless(await laptop.type(...argv), false);
    }
  });
});

describe('case 71: what was typed or pasted', () => {
  const commands = [
    ['start'],
    ['stop'],
    ['ssh'],
    ['console'],
    ['vpn', 'show'],
    ['vpn', 'remove'],
    ['status', '--gate'],
    [],
    ['vpn'],
    ['status'],
  ];
  test.each(commands.map((words) => [words.join(' '), words] as const))('%s', async (_said, words) => {
    for (const json of flags) expectHarmless(await laptop.type(...words, EVERYTHING, ...json), false);
  });
});

test('case 71: a terminal gets no more than a pipe', async () => {
  const { PassThrough } = await import('node:stream');
  const chunks: Buffer[] = [];
  const screen = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  screen.on('data', (chunk: Buffer) => chunks.push(chunk));
  await laptop.supervise(scripted(hostileReport()));
  await laptop.typeWith({ stdout: screen, stderr: screen }, 'status');
  expectHarmless({ stdout: Buffer.concat(chunks).toString(), stderr: '' });
});
