import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type * as z from 'zod';
import { readAnswer } from '../../src/gateway/answer.ts';
import * as protocol from '../../src/gateway/protocol.ts';
import { describeUnless } from '../obstacle.ts';
import { fuzz, orCoded } from './fuzz.ts';
import { GuestRoot, type Outcome, whyNoRoot } from './guest-root.ts';
import { mutated } from './mutate.ts';

const KEY = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=';
/** The first hop of a chain. */
const hopSettings = [
  'hop hop0 61 30318 65532',
  'address 10.66.0.2/32',
  'mtu 1420',
  'route 10.64.0.1/32',
  'resolver 10.64.0.1',
  '--- wireguard',
  `[Interface]\nPrivateKey = ${'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk='}\n`,
].join('\n');
const tunnelSettings = [
  'address 10.66.0.2/32',
  'mtu 1420',
  'route 0.0.0.0/0',
  'resolver 10.64.0.1',
  'search acme.example',
  '--- wireguard',
  `[Interface]\nPrivateKey = ${KEY}\n`,
].join('\n');

/** What each verb answers. */
const ANSWERS: Readonly<Record<protocol.Verb, z.ZodType>> = {
  hello: protocol.hello,
  apply: protocol.done,
  uplink: protocol.uplinkLease,
  tunnel: protocol.done,
  inside: protocol.done,
  untunnel: protocol.done,
  lease: protocol.leases,
  unlease: protocol.done,
  counts: protocol.countsAnswer,
  facts: protocol.factsAnswer,
  portal: protocol.done,
  lookup: protocol.lookupAnswer,
  clock: protocol.done,
  logs: protocol.logs,
};
const VERBS = Object.keys(ANSWERS) as readonly protocol.Verb[];

/** Every way a tool may be called, whatever comes in: one word an argument, spaces between them. */
const CALLS = [
  /^nft (-j -f -|--echo -f -|flush set inet vmgate open|-j list ruleset)$/,
  /^conntrack (-F|-[DL] -s [0-9.]+)$/,
  /^ip -o -4 addr show dev hop[0-9]$/,
  /^ip (link (del dev [a-z0-9]+|add dev [a-z0-9]+ type wireguard)|-batch \/run\/vmgate\/(tunnel|way)-batch|-j -[46] -batch -)$/,
  /^wg (setconf [a-z0-9]+ \/proc\/self\/fd\/0|show [a-z0-9]+ dump)$/,
  /^date -s @\d{1,11}$/,
  /^dmesg $/,
  /^ip route (flush table main default dev up0|flush table main dev [a-z0-9]+|add default via [0-9.]+ dev up0 onlink)$/,
  /^nc\.openbsd -u -w 2 -W 1 [0-9.]+ 53$/,
];
const LEASES =
  /^flush set inet vmgate open\n(add element inet vmgate open \{ "(work\d\d?|probe0|tun0)" timeout 15s(, "(work\d\d?|probe0|tun0)" timeout 15s)* \}\n)?$/;
const STATE = {
  resolvers: /^(server=[0-9.]+\n)*$/,
  'dhcp-options': /^(option:mtu,\d+\n)?(option:domain-search(,[0-9A-Za-z.-]+)+\n)?$/,
  'tunnel-batch':
    /^(link set dev ([a-z0-9]+) mtu \d+ up\n((addr|route) add [0-9./]+ dev \2\n)*(route add default dev \2 table \d+\n)?)?$/,
} as const;

describeUnless(await whyNoRoot(), 'vmgate-gw under its own shell')('vmgate-gw, under the shell it runs on', () => {
  let guest: GuestRoot;
  beforeAll(async () => {
    guest = await GuestRoot.build();
  }, 60_000);
  afterAll(() => guest.close());

  /** The promises that hold for every verb and every input. */
  function expectBounded({ calls, state, stdout, tunnel }: Outcome): void {
    expect(
      calls
        .map((call) => (call.length === 1 ? `${call[0]} ` : call.join(' ')))
        .filter((call) => !CALLS.some((form) => form.test(call))),
    ).toEqual([]);
    for (const [name, form] of Object.entries(STATE))
      expect([name, state(name as keyof typeof STATE)]).toEqual([name, expect.stringMatching(form)]);
    expect(stdout.toString('latin1')).toMatch(/^[\n -~]*\n$/);
    expect(stdout.length).toBeLessThan(protocol.MAX_ANSWER);
    // Half a tunnel is none: names are resolved through one that is there, or not at all.
    if (!tunnel) expect(state('resolvers')).toBe('');
  }

  // `inside` is for a tunnel that is there.
  test.each(VERBS.filter((verb) => verb !== 'inside'))('%s does what it is for', async (verb) => {
    const stdin: Partial<Record<protocol.Verb, string>> = {
      apply: '{"nftables":[]}',
      tunnel: tunnelSettings,
      lease: 'work0\nprobe0\n',
      clock: '1790000000499\n',
      lookup: '10.0.2.3 AAECAw==\n',
    };
    const outcome = await guest.run({
      command: `vmgate-gw ${verb}`,
      stdin: Buffer.from(stdin[verb] ?? ''),
      failing: '',
    });
    expectBounded(outcome);
    expect(outcome.stderr).toBe('');
    readAnswer(verb, ANSWERS[verb], outcome);
    expect(outcome.tunnel).toBe(verb === 'tunnel');
    if (verb === 'lease')
      expect(outcome.read.nft?.toString()).toContain('{ "work0" timeout 15s, "probe0" timeout 15s }');
    if (verb === 'clock') expect(outcome.calls).toEqual([['date', '-s', '@1790000000']]);
    if (verb === 'tunnel') {
      expect(outcome.read.wg?.toString()).toBe(`[Interface]\nPrivateKey = ${KEY}\n`);
      expect(outcome.state('resolvers')).toBe('server=10.64.0.1\n');
    }
  });

  test('the first hop of a chain: its way ends in nothing before it is there, and nobody is told of its resolver', async () => {
    const outcome = await guest.run({ command: 'vmgate-gw tunnel', stdin: Buffer.from(hopSettings), failing: '' });
    expectBounded(outcome);
    readAnswer('tunnel', protocol.done, outcome);
    const calls = outcome.calls.map((call) => call.join(' '));
    const way = calls.indexOf('ip -batch /run/vmgate/way-batch');
    expect(way).toBeGreaterThanOrEqual(0);
    expect(calls.indexOf('ip link add dev hop0 type wireguard')).toBeGreaterThan(way);
    expect(outcome.state('tunnel-batch')).toMatch(/^route add default dev hop0 table 61$/m);
    expect(outcome.state('resolvers')).toBe('');
  });

  test('a hop beneath that is not there is refused, and so is a name that is no hop', async () => {
    for (const line of ['by hop0 65532', 'by tun0 65532', 'by hop0', 'hop up0 61 1 65532', 'hop hop0 61 1']) {
      const stdin = Buffer.from(`${line}\n${tunnelSettings}`);
      const outcome = await guest.run({ command: 'vmgate-gw tunnel', stdin, failing: '' });
      expectBounded(outcome);
      const done = () => readAnswer('tunnel', protocol.done, outcome);
      expect(orCoded(['GATEWAY_VERB_FAILED'], done)).toBeUndefined();
      expect(outcome.tunnel).toBe(false);
    }
  });

  test('inside without a tunnel is refused, and nothing is set', async () => {
    const stdin = Buffer.from(tunnelSettings.slice(0, tunnelSettings.indexOf('---')));
    const outcome = await guest.run({ command: 'vmgate-gw inside', stdin, failing: '' });
    expectBounded(outcome);
    const inside = () => readAnswer('inside', ANSWERS.inside, outcome);
    expect(orCoded(['GATEWAY_VERB_FAILED'], inside)).toBeUndefined();
    expect(outcome.calls).toEqual([]);
  });

  test.each([
    {
      lost: "a tunnel setting's characters",
      script: 'usr/lib/vmgate/tunnel.sh',
      check: '*[!$2]*',
      instead: 'never',
      command: 'vmgate-gw tunnel',
      stdin: 'route 0.0.0.0/0 via 10.0.2.2\nmtu 1280\n--- wireguard\n',
    },
    {
      lost: "a link's name",
      script: 'usr/sbin/vmgate-gw',
      check: 'work[0-9] |',
      instead: 'work* |',
      command: 'vmgate-gw lease',
      stdin: 'work0" timeout 1d, "work1\n',
    },
    {
      lost: "a time's digits",
      script: 'usr/sbin/vmgate-gw',
      check: '*[!0-9]*',
      instead: 'never',
      command: 'vmgate-gw clock',
      stdin: '-9999\n',
    },
    {
      lost: 'the escaping of answers',
      script: 'usr/lib/vmgate/answer.sh',
      check: String.raw`| sed 's/[\\"]/\\&/g' |`,
      instead: '|',
      command: 'quote " and \\ break',
      stdin: '',
    },
  ])('without its check of $lost it is seen to be hurt', async ({ script, check, instead, command, stdin }) => {
    const edit = (text: string) => {
      expect(text).toContain(check);
      return text.replace(check, instead);
    };
    const judge = (outcome: Outcome) => {
      expectBounded(outcome);
      if (outcome.read.nft !== undefined) expect(outcome.read.nft.toString('latin1')).toMatch(LEASES);
      orCoded(['GATEWAY_VERB_FAILED'], () => readAnswer('apply', protocol.done, outcome));
    };
    const weak = await GuestRoot.build({ script, edit });
    try {
      const hostile = { command, stdin: Buffer.from(stdin), failing: '' };
      judge(await guest.run(hostile));
      const hurt = await weak.run(hostile);
      expect(() => judge(hurt)).toThrow();
    } finally {
      weak.close();
    }
  });

  const words = [
    ...[
      '\n',
      ' ',
      '\t',
      ';',
      '|',
      '&',
      '$(reboot)',
      '`reboot`',
      '$IFS',
      '"',
      "'",
      '\\',
      '\\n',
      '*',
      '?',
      '[0-9]',
      '..',
      '/',
      '-',
      '--',
      '\0',
    ],
    ...[
      'address ',
      'route ',
      'mtu ',
      'resolver ',
      'search ',
      '--- wireguard\n',
      '--- ',
      'work0\n',
      'probe0\n',
      'tun0\n',
      'work100\n',
      '"work0" timeout 1d',
      '%s',
      '\r',
      '#',
      '=',
      ',',
    ],
    ...['10.0.0.1/8', '0x10', '010', '99999999999999', 'via 10.0.2.2', 'é', '\x1b[2J', '\u202e', '}', '{', 'dev up0'],
  ];

  fuzz({
    name: 'verb-lease',
    batch: 10,
    inputs: mutated(
      [Buffer.from('work0\nprobe0\ntun0\n'), Buffer.from('work0\n'.repeat(3)), Buffer.from('work15\n')],
      words,
    ),
    judge: async (stdin) => {
      const outcome = await guest.run({
        command: 'vmgate-gw lease',
        stdin,
        failing: stdin.length % 7 === 0 ? 'nft' : '',
      });
      expectBounded(outcome);
      orCoded(['GATEWAY_VERB_FAILED'], () => readAnswer('lease', protocol.leases, outcome));
      const lines = stdin.toString('latin1').replaceAll('\0', '').split('\n').slice(0, -1);
      const links = lines
        .map((line) => line.replace(/^[ \t]+|[ \t]+$/g, ''))
        .every((line) => /^(work\d\d?|probe0|tun0)$/.test(line));
      // One name that is no link, and nothing is granted.
      expect(outcome.read.nft !== undefined).toBe(links);
      if (outcome.read.nft !== undefined) expect(outcome.read.nft.toString('latin1')).toMatch(LEASES);
    },
  });

  fuzz({
    name: 'verb-tunnel',
    batch: 10,
    inputs: mutated(
      [
        Buffer.from(tunnelSettings),
        Buffer.from(hopSettings),
        Buffer.from('mtu 1280\nroute 10.0.0.0/8\n--- wireguard\n'),
      ],
      words,
    ),
    judge: async (stdin) => {
      const failing = ['', '', '', 'ip', 'wg'][stdin.length % 5] ?? '';
      const outcome = await guest.run({ command: 'vmgate-gw tunnel', stdin, failing });
      expectBounded(outcome);
      const done = orCoded(['GATEWAY_VERB_FAILED'], () => readAnswer('tunnel', protocol.done, outcome));
      expect(outcome.tunnel).toBe(done !== undefined);
      if (done !== undefined) expect(failing).toBe('');
      // The secret section reaches wg as it came, and nothing else at all.
      const { wg } = outcome.read;
      if (wg !== undefined) expect(stdin.subarray(stdin.length - wg.length)).toEqual(wg);
      const secret = stdin.includes('--- wireguard\n')
        ? stdin.subarray(stdin.indexOf('--- wireguard\n'))
        : Buffer.alloc(0);
      const place = secret.indexOf(KEY);
      if (wg === undefined || place < 0) return;
      const elsewhere = [
        outcome.stdout.toString(),
        outcome.stderr,
        JSON.stringify(outcome.calls),
        ...Object.keys(STATE).map((name) => outcome.state(name as keyof typeof STATE)),
      ];
      expect(elsewhere.filter((text) => text.includes(KEY))).toEqual([]);
    },
  });

  fuzz({
    name: 'verb-clock',
    batch: 10,
    inputs: mutated([Buffer.from('1790000000499\n'), Buffer.from('0\n'), Buffer.from('0777\n')], words),
    judge: async (stdin) => {
      const outcome = await guest.run({ command: 'vmgate-gw clock', stdin, failing: '' });
      expectBounded(outcome);
      const done = orCoded(['GATEWAY_VERB_FAILED'], () => readAnswer('clock', protocol.done, outcome));
      expect(outcome.calls.length).toBe(done === undefined ? 0 : 1);
      const [digits] = stdin.toString('latin1').replaceAll('\0', '').split('\n');
      // Decimal, as it came: no octal, no expression.
      if (done !== undefined)
        expect(outcome.calls[0]?.[2]).toBe(`@${Math.floor((Number(digits?.trim()) + 500) / 1_000)}`);
    },
  });

  fuzz({
    name: 'verb-name',
    batch: 10,
    inputs: mutated(
      VERBS.map((verb) => Buffer.from(`vmgate-gw ${verb}`)),
      [...words, 'vmgate-gw ', ...VERBS, 'refuse', 'done_well', 'remove_tunnel', 'eval'],
    ),
    judge: async (bytes) => {
      const command = bytes.toString('latin1').replaceAll('\0', '');
      const outcome = await guest.run({ command, stdin: Buffer.alloc(0), failing: '' });
      expectBounded(outcome);
      const verb = command.replace(/\n+$/, '').replace(/^vmgate-gw /, '') as protocol.Verb;
      if (VERBS.includes(verb))
        return void orCoded(['GATEWAY_VERB_FAILED'], () => readAnswer(verb, ANSWERS[verb], outcome));
      expect(outcome.calls).toEqual([]);
      expect(() => readAnswer('hello', protocol.hello, outcome)).toThrow(
        expect.objectContaining({ code: 'GATEWAY_VERB_FAILED' }),
      );
      return undefined;
    },
  });

  /** One request to a shell that stays, then another: whatever the first one's settings were, they end where they end. */
  async function expectFramed(verb: protocol.Verb, settings: Buffer, failing: string): Promise<Outcome> {
    const stdin = Buffer.concat([Buffer.from(`${verb} ${settings.length}\n`), settings]);
    const outcome = await guest.run({ command: 'vmgate-gw serve', stdin, failing, next: 'hello 0\n' });
    expectBounded(outcome);
    const lines = outcome.stdout.toString('latin1').split('\n');
    expect(lines).toHaveLength(3);
    const answer = (line = '') => ({ stdout: Buffer.from(line), stderr: '', exit: 0 });
    orCoded(['GATEWAY_VERB_FAILED'], () => readAnswer(verb, ANSWERS[verb], answer(lines[0])));
    expect(readAnswer('hello', protocol.hello, answer(lines[1]))).toMatchObject({ bootId: 'boot-1' });
    return outcome;
  }

  fuzz({
    name: 'verb-serve',
    batch: 10,
    inputs: mutated(
      [
        Buffer.from(tunnelSettings),
        Buffer.from('work0\nprobe0\n'),
        Buffer.from('1790000000499\n'),
        Buffer.from('hello 0\n'),
      ],
      words,
    ),
    judge: async (settings) => {
      const verbs = ['tunnel', 'lease', 'clock', 'apply', 'unlease'] as const;
      const verb = verbs[settings.length % verbs.length] ?? 'tunnel';
      await expectFramed(verb, settings, settings.length % 3 === 0 ? 'nft' : '');
    },
  });

  test.each(['tunnel', 'lease', 'clock'] as const)(
    'a refused %s takes its settings with it, however long',
    async (verb) => {
      const settings = Buffer.from(`nonsense here\n${`PrivateKey = ${KEY}\n`.repeat(5_000)}`);
      const { stdout } = await expectFramed(verb, settings, '');
      expect(stdout.toString('latin1')).not.toContain(KEY);
    },
  );

  /** What dnsmasq wrote down of a hostile network, and what nft says of a ruleset it refuses. */
  fuzz({
    name: 'verb-logs',
    batch: 10,
    inputs: fc.oneof(
      mutated([Buffer.from('<6>[ 1.0] dnsmasq: query "\x1b[2J\\" from é\n'.repeat(3))], words),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    ),
    judge: async (stdin) => {
      const outcome = await guest.run({ command: 'logs', stdin, failing: '' });
      expectBounded(outcome);
      const { logs } = readAnswer('logs', protocol.logs, outcome);
      expect(logs.length).toBeLessThanOrEqual(Math.min(65_536, stdin.length));
      const refused = await guest.run({ command: 'vmgate-gw apply', stdin, failing: 'nft' });
      expectBounded(refused);
      expect(refused.read.nft).toEqual(stdin);
      expect(() => readAnswer('apply', protocol.done, refused)).toThrow(
        expect.objectContaining({ code: 'GATEWAY_VERB_FAILED' }),
      );
    },
  });

  test('nothing was written but the verbs own state', () => {
    expect(guest.strayChanges()).toBe(false);
  });
});
