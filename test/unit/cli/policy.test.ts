/** `vmgate policy`: the rules and the answers, with the place that says so. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { expectGolden } from '../golden.ts';
import { Laptop, report, scripted } from './command-line.ts';

const GOLDEN = path.join(import.meta.dirname, 'policy');
const CONFIG = `version: 1
vpn: acme
work:
  dev: {template: tiny, peers: [bank]}
  bank:
    template: tiny
    egress:
      - {to: bank.example, port: 443, protocol: tcp}
      - {to: 9.9.0.0/16, action: deny}
      - {to: 9.0.0.0/8, port: [443, 7000-7999]}
      - {to: 9.9.9.9}
  web:
    template: tiny
    egress:
      default: allow
      rules:
        - {to: 10.0.0.0/8, action: deny}
        - {to: any, port: 25, protocol: tcp, action: deny}
  cut: {template: tiny, egress: deny}
`;

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', CONFIG);
});
afterEach(() => laptop.clear());

const plain = (text: string) => text.replaceAll(/\/\S*\/p\//g, '');

test('the rules, and what in them never counts', async () => {
  const { exit, stdout, stderr } = await laptop.type('policy', 'show');
  expect(exit).toBe(0);
  expectGolden(path.join(GOLDEN, 'show.txt'), `${stdout}--- stderr\n${plain(stderr)}`);
});

test('of one work VM, as JSON', async () => {
  const [shown] = (await laptop.type('policy', 'show', 'bank', '--json')).json();
  expect(shown).toMatchObject({
    gate: 'default',
    work: [
      { name: 'bank', otherwise: 'deny', peers: [], rules: [{ action: 'allow', place: { line: 8 } }, {}, {}, {}] },
    ],
    notices: [{ line: 11 }],
  });
});

test('answers', async () => {
  const questions = [
    'bank bank.example:443',
    'bank login.bank.example:443/tcp',
    'bank bank.example',
    'bank shop.example:443',
    'bank 9.8.7.6:7100/udp',
    'bank 9.9.9.9:443',
    'bank 9.8.7.6',
    'bank 8.8.8.8:53/udp',
    'bank 2001:db8::1',
    'bank [2001:db8::1]:443',
    'dev 8.8.8.8:443',
    'web 10.1.2.3/icmp',
    'web mail.example:25',
    'web mail.example:443',
    'cut 8.8.8.8:443',
    'cut 127.0.0.1:53/udp',
    'bank ::1',
  ];
  const answers: string[] = [];
  for (const question of questions) {
    const { exit, stdout } = await laptop.type('policy', 'explain', ...question.split(' '));
    expect(exit).toBe(0);
    answers.push(`$ vmgate policy explain ${question}\n${stdout}`);
  }
  expectGolden(path.join(GOLDEN, 'explain.txt'), answers.join('\n'));
});

test('an answer as JSON', async () => {
  const [answer] = (await laptop.type('policy', 'explain', 'bank', '9.9.9.9:443', '--json')).json();
  expect(answer).toMatchObject({ vm: 'bank', destination: '9.9.9.9:443', verdict: 'depends', by: expect.any(Array) });
  const [denied] = (await laptop.type('policy', 'explain', 'cut', '9.9.9.9:80', '--json')).json();
  expect(denied).toMatchObject({ verdict: 'deny', by: [{ action: 'deny', place: { line: 19 } }] });
});

test.each([
  ['127.255.0.1', true],
  ['128.0.0.1', false],
  ['126.255.255.255', false],
  ['[::1]:80', true],
  ['::2', false],
  ['[::ffff:127.0.0.1]:80', true],
  ['::ffff:128.0.0.1', false],
  ['localhost:80', true],
  ['Web.LOCALHOST.', true],
  ['localhost.example', false],
])('%s stays inside the VM: %s', async (asked, inside) => {
  const { stdout } = await laptop.type('policy', 'explain', 'dev', asked);
  expect(stdout).toContain(inside ? 'that is dev itself' : 'through the tunnel');
});

describe('what cannot be asked', () => {
  test.each(['bank.example:0', 'bank.example:65536', '9.9.9.9:7/icmp', '300.1.1.1', 'a b', '9.9.9.9/gre', '', '[x]'])(
    '%s',
    async (asked) => {
      const { exit, stderr } = await laptop.type('policy', 'explain', 'bank', asked);
      expect([exit, stderr]).toEqual([2, expect.stringContaining('CLI_USAGE')]);
      expect(stderr).toContain('next: vmgate policy explain bank bank.example:443\n');
    },
  );

  test('an unknown work VM', async () => {
    expect(await laptop.type('policy', 'explain', 'bnak', '9.9.9.9')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('bank'),
    });
    expect((await laptop.type('policy', 'show', 'bnak')).exit).toBe(2);
  });
});

test('status says what was denied, by which line', async () => {
  const place = { work: 'bank', file: '/p/vmgate.yaml' };
  const denied = [
    { ...place, line: 9, otherwise: false, packets: 1 },
    { ...place, line: 7, otherwise: true, packets: 1_234 },
  ];
  await laptop.supervise(scripted(report({ denied })));
  const { stdout } = await laptop.type('status');
  expect(stdout).toContain('  denied   bank: 1 packet, by vmgate.yaml:9\n');
  expect(stdout).toMatch(/ {2}denied {3}bank: 1.?234 packets, no rule of vmgate.yaml:7 allows them\n/);
});
