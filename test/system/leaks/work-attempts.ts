/** What a work VM tries, as lines for busybox. Each carries a mark. Cases by number: docs/leak-cases.md. */
import { LAB } from '../../../src/lab/index.ts';

export interface WorkAttempt {
  readonly leakCase: number;
  readonly name: string;
  readonly line: (mark: string) => string;
}

/** One datagram: the guest's nc knows no UDP, but asking for a file by TFTP sends its name to any port. */
const say = (address: string, port: number) => (mark: string) =>
  `timeout 8 tftp -g -l /dev/null -r ${mark} ${address} ${port}`;
const speak = (address: string, port: number) => (mark: string) => `echo ${mark} | nc -w 2 ${address} ${port}`;
const ask =
  (resolver = '') =>
  (mark: string) =>
    `nslookup ${mark}.example ${resolver}`;

const rows: readonly [number, string, WorkAttempt['line']][] = [
  [5, 'DNS to its own resolver', ask()],
  [5, 'DNS to a public resolver', ask('8.8.8.8')],
  [5, "DNS to the untrusted network's resolver", ask(LAB.router)],
  [5, 'DNS by TCP to a public resolver', speak('8.8.8.8', 53)],
  [5, 'DNS over QUIC', say('9.9.9.9', 853)],
  [34, 'mDNS', say('224.0.0.251', 5_353)],
  [34, 'SSDP', say('239.255.255.250', 1_900)],
  [36, "the untrusted network's router", say(LAB.router, 9)],
  [36, "the untrusted network's router by HTTP", speak(LAB.router, 80)],
  [36, "slirp's host", say('10.0.2.2', 9)],
  [36, "slirp's resolver", ask('10.0.2.3')],
  [36, 'cloud metadata', say('169.254.169.254', 80)],
  [36, 'a home router', say('192.168.0.1', 80)],
  [36, 'private 172.16/12', say('172.16.0.1', 9)],
  [36, 'private 10/8', say('10.255.255.254', 9)],
  [61, 'clear text to the endpoint and its port', say(LAB.endpoint.address, LAB.endpoint.port)],
];

export const WORK_ATTEMPTS: readonly WorkAttempt[] = rows.map(([leakCase, name, line]) => ({ leakCase, name, line }));
