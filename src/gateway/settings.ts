/**
 * What one boot of a gateway is told: a cpio archive appended to its initramfs. No VPN secrets: those come later, over
 * the control channel (P6). provision/gateway/rootfs/init reads these files and says what each holds.
 */
import { randomUUID } from 'node:crypto';
import type { LinkPlan } from '../core/link-plan.ts';
import type { NameFeed } from '../core/policy/index.ts';
import { writeCpio } from '../image/cpio.ts';
import {
  dropbearPrivateKey,
  ed25519Blob,
  ed25519Line,
  fingerprint,
  makeKeyPair,
  openSshPrivateKey,
} from '../ssh/index.ts';

/** What the host needs to get in, and to know that it is this very boot it talks to. Lives in memory only. */
export interface ControlCredentials {
  /** OpenSSH format. */
  readonly clientKey: string;
  /** `SHA256:...` of the one host key that is accepted. */
  readonly hostKey: string;
}

export interface BootSettings {
  /** Uncompressed cpio archive, root-owned 0600 files; the last part of the initramfs. */
  readonly archive: Buffer;
  readonly credentials: ControlCredentials;
  /** What this boot is called; the gateway repeats it in every answer. */
  readonly bootId: string;
}

/** What the gateway's resolver does with answers. */
export interface ResolverSettings {
  /** Names whose addresses go into the firewall's sets. */
  readonly feeds: readonly NameFeed[];
  /** Whether answers with a private address are thrown away, but for the names of `inner`. */
  readonly refusesPrivate: boolean;
  /** Names that may lead to private addresses all the same. */
  readonly inner: readonly string[];
}

const PLAIN_RESOLVER: ResolverSettings = { feeds: [], refusesPrivate: false, inner: [] };

/**
 * Settings for one boot, with fresh keys.
 *
 * @param bootRuleset nft JSON of a policy without endpoints and tunnel; loaded before any card is up
 */
export function bootSettings(plan: LinkPlan, bootRuleset: string, resolver = PLAIN_RESOLVER): BootSettings {
  const [client, host] = [makeKeyPair(), makeKeyPair()];
  const bootId = randomUUID();
  const file = (name: string, data: string | Buffer) =>
    ({ path: `etc/vmgate/${name}`, type: 'file', mode: 0o600, data }) as const;
  return {
    archive: writeCpio([
      file('plan', renderPlan(plan) + renderResolver(resolver)),
      file('boot-id', `${bootId}\n`),
      file('boot.nft.json', bootRuleset),
      file('dropbear_ed25519_host_key', dropbearPrivateKey(host)),
      file('authorized_keys', `${ed25519Line(client.publicRaw, 'vmgate')}\n`),
    ]),
    bootId,
    credentials: { clientKey: openSshPrivateKey(client, 'vmgate'), hostKey: fingerprint(ed25519Blob(host.publicRaw)) },
  };
}

/** The link plan as init reads it: one card a line. */
export function renderPlan(plan: LinkPlan): string {
  const { mac, addressing } = plan.uplink;
  const uplink =
    addressing.kind === 'dhcp'
      ? `uplink ${mac} dhcp`
      : `uplink ${mac} static ${addressing.address}/${addressing.prefixLength} ${addressing.nextHop}`;
  const links = [...plan.work, plan.probe].flatMap(({ ifname, ipv6, ...link }) => [
    `link ${ifname} ${link.gatewayMac} ${link.gateway}/${link.prefixLength} ${link.guest} ${link.guestMac}`,
    ...(ipv6 === undefined ? [] : [`link6 ${ifname} ${ipv6.gateway} ${ipv6.network}`]),
  ]);
  return `${[uplink, ...links].join('\n')}\n`;
}

/** What the resolver does with answers, as init reads it behind the cards. */
export function renderResolver({ feeds, refusesPrivate, inner }: ResolverSettings): string {
  const lines = [
    ...feeds.map(({ name, sets }) => `name ${name} ${sets.join(' ')}`),
    ...(refusesPrivate ? ['private refuse', ...inner.map((name) => `private allow ${name}`)] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
