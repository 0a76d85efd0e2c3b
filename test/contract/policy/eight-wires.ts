/** A gateway with eight wires made of network namespaces, frames put on each, and what arrives at the others. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type NftRuleset, renderNft } from '../../../src/core/policy/index.ts';
import { link } from '../../unit/core/policy/policies.ts';

export const WIRES = [0, 1, 2, 3, 4, 5, 6, 7] as const;
export const links = WIRES.map((index) => link(index));

const NFT = '/usr/sbin/nft';
const GATEWAY_MAC = '52:54:10:00:01:00';

export function gatewayMac(index: number): string {
  return GATEWAY_MAC.replace(/.$/, `${index}`);
}

export class EightWires {
  readonly #prefix = `vmgate-w${process.pid}`;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'vmgate-wires-'));

  constructor() {
    for (const space of ['gw', 'tun', ...WIRES.map(String)]) {
      ip('netns', 'add', this.#name(space));
      const forward = space === 'gw' ? 1 : 0;
      const off = ['all', 'default'].map((scope) => `net.ipv6.conf.${scope}.disable_ipv6=1`);
      const loose = ['all', 'default'].map((scope) => `net.ipv4.conf.${scope}.rp_filter=0`);
      // As the gateway's init has it.
      const arp = ['all', 'default'].map((scope) => `net.ipv4.conf.${scope}.arp_ignore=1`);
      this.#run(space, 'sysctl', '-qw', `net.ipv4.ip_forward=${forward}`, ...off, ...loose, ...arp);
    }
    for (const [index, { guest, guestMac, gateway, ifname }] of links.entries()) {
      const space = String(index);
      this.#wire(ifname, `${gateway}/29`, space, 'w1', `${guest}/29`);
      ip('-n', this.#name('gw'), 'link', 'set', ifname, 'address', gatewayMac(index));
      ip('-n', this.#name(space), 'link', 'set', 'w1', 'address', guestMac);
      // What comes from anybody else than the gateway, or from another machine by way of it.
      const others = links.flatMap((other) => (other.guest === guest ? [] : [other.guest])).join(', ');
      this.#run(
        space,
        NFT,
        `table netdev seen { counter other { }
          chain arriving { type filter hook ingress device w1 priority -500;
            ether saddr != ${gatewayMac(index)} counter name "other"
            ip saddr { ${others} } counter name "other"
            arp saddr ip { ${others} } counter name "other"; }; }`,
      );
    }
    this.#wire('tun0', '10.64.0.1/24', 'tun', 't1', '10.64.0.2/24');
    ip('-n', this.#name('gw'), 'route', 'add', 'default', 'via', '10.64.0.2');
  }

  load(ruleset: NftRuleset): void {
    const file = path.join(this.#folder, 'ruleset.json');
    writeFileSync(file, renderNft(ruleset));
    this.#run('gw', NFT, '-j', '-f', file);
    const leases = links.map(({ ifname }) => `${ifname} timeout 120s`).join(', ');
    this.#run('gw', NFT, 'add', 'element', 'inet', 'vmgate', 'open', `{ ${leases} }`);
  }

  /** Puts frames on a wire, as its machine would. */
  send(index: number, frames: readonly Buffer[]): void {
    for (const input of frames) {
      const argv = ['netns', 'exec', this.#name(String(index)), 'socat', '-u', 'STDIN', 'INTERFACE:w1'];
      const { status, stderr } = spawnSync('ip', argv, { input });
      if (status !== 0) throw new Error(stderr.toString());
    }
  }

  /** At which wires something of another machine arrived meanwhile, and how many packets entered the tunnel. */
  seen(act: () => void): { readonly at: readonly number[]; readonly toTunnel: number } {
    const arrived = () => WIRES.map((index) => this.#count(String(index), 'other'));
    const [before, tunnelBefore] = [arrived(), this.#count('gw', 'to_tunnel')];
    act();
    const after = arrived();
    const toTunnel = this.#count('gw', 'to_tunnel') - tunnelBefore;
    return { at: WIRES.filter((index) => after[index] !== before[index]), toTunnel };
  }

  /** Wires `first` and `second` become one, as with a switch where the gateway should be. */
  bridge(first: number, second: number): void {
    ip('-n', this.#name('gw'), 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', this.#name('gw'), 'link', 'set', 'br0', 'up');
    for (const index of [first, second]) {
      ip('-n', this.#name('gw'), 'link', 'set', links[index]?.ifname ?? '', 'master', 'br0');
    }
  }

  unbridge(): void {
    ip('-n', this.#name('gw'), 'link', 'del', 'br0');
  }

  remove(): void {
    for (const space of ['gw', 'tun', ...WIRES.map(String)]) spawnSync('ip', ['netns', 'del', this.#name(space)]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #count(space: string, name: string): number {
    return Number(
      new RegExp(`counter ${name} {\\s+packets (\\d+)`).exec(this.#run(space, NFT, 'list', 'counters'))?.[1],
    );
  }

  #name(space: string): string {
    return `${this.#prefix}-${space}`;
  }

  #run(space: string, ...argv: readonly string[]): string {
    return ip('netns', 'exec', this.#name(space), ...argv);
  }

  #wire(inside: string, insideAddress: string, space: string, outside: string, address: string): void {
    const peer = ['peer', 'name', outside, 'netns', this.#name(space)];
    ip('-n', this.#name('gw'), 'link', 'add', inside, 'type', 'veth', ...peer);
    ip('-n', this.#name('gw'), 'addr', 'add', insideAddress, 'dev', inside);
    ip('-n', this.#name(space), 'addr', 'add', address, 'dev', outside);
    ip('-n', this.#name('gw'), 'link', 'set', inside, 'up');
    ip('-n', this.#name(space), 'link', 'set', outside, 'up');
  }
}

function ip(...argv: readonly string[]): string {
  return execFileSync('ip', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
