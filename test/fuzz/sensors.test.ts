/** What the system's files and tools say about the network: whoever runs the network, or the Wi-Fi, writes some of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { isIP, isIPv4 } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { isIpMonitorLine, resolversIn, routerIn, wifiIn } from '../../src/sensors/linux-text.ts';
import { isRouteMonitorLine, macResolversIn, macRouterIn, macWifiIn } from '../../src/sensors/macos-text.ts';
import { changeBetween, type NetworkView, remembered } from '../../src/sensors/network-view.ts';
import { corpusOf, fuzz, hold } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutated } from './mutate.ts';

const golden = path.join(path.dirname(fileURLToPath(import.meta.url)), '../unit/sensors/golden');
const samples = readdirSync(golden).map((file) => readFileSync(path.join(golden, file)));
const words = [
  '\t',
  '\n',
  '00000000',
  'FFFFFFFF',
  'nameserver ',
  'SSID: ',
  'gateway: ',
  'interface: ',
  'Deleted ',
  '%',
  '::',
  '\0',
];

const CAFE: NetworkView = {
  path: { source: '192.168.1.23', card: 'wlan0', router: '192.168.1.1', wifi: 'Cafe' },
  resolvers: ['192.168.1.1'],
  addresses: ['wlan0 192.168.1.23/24'],
};

function readAll(text: string) {
  const routers = ['wlan0', 'eth0'].map((card) => routerIn(text, card, '198.51.100.10'));
  for (const line of text.split('\n')) {
    isIpMonitorLine(line);
    isRouteMonitorLine(line);
  }
  return {
    routers: [...routers, macRouterIn(text)],
    resolvers: [resolversIn(text), macResolversIn(text)],
    wifis: [wifiIn(text), macWifiIn(text)],
  };
}

test('the samples that are mutated below say something as they stand', () => {
  const found = samples.map((sample) => readAll(sample.toString('utf8')));
  expect(found.flatMap(({ routers }) => routers).filter((router) => router !== undefined)).not.toEqual([]);
  expect(found.flatMap(({ resolvers }) => resolvers.flat())).not.toEqual([]);
  expect(found.flatMap(({ wifis }) => wifis).filter((wifi) => wifi !== undefined)).toHaveLength(2);
});

fuzz({
  name: 'sensor-texts',
  inputs: mutated([...samples, ...corpusOf('sensor-texts').map(({ bytes }) => bytes)], words),
  judge: (bytes) => {
    const { routers, resolvers, wifis } = readAll(bytes.toString('utf8'));
    for (const router of routers) {
      hold('a router is an address, none, or unknown', router === undefined || router === 'none' || isIP(router) !== 0);
    }
    hold(
      'Linux tells IPv4 routers',
      routers.slice(0, 2).every((one) => one === undefined || one === 'none' || isIPv4(one)),
    );
    for (const list of resolvers) {
      hold('resolvers are few addresses, each once', list.length <= 16 && new Set(list).size === list.length);
      hold(
        'resolvers are addresses',
        list.every((address) => isIP(address) !== 0),
      );
    }
    for (const wifi of wifis) hold('a name is one short line', wifi === undefined || /^.{1,128}$/.test(wifi));
    const [router, wifi] = [routers[0], wifis[0]];
    const now: NetworkView = {
      ...CAFE,
      path: { source: '192.168.1.23', card: 'wlan0', router, wifi },
      resolvers: resolvers[0] ?? [],
    };
    const change = changeBetween(CAFE, now);
    hold('what was seen is told, shortly', JSON.stringify(change).length < 4_096);
    hold('the same again is nothing', changeBetween(remembered(CAFE, now), now).kind === 'none');
  },
});

growsLinearly(
  'texts of the network',
  60_000,
  (n) =>
    'wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t\n'.repeat(n / 50) +
    ' '.repeat(n) +
    'nameserver '.repeat(n / 11),
  readAll,
);
