/**
 * What may leave the uplink by promise P4, written a second time: from docs/threat-model.md and the RFCs, by byte offsets, sharing no
 * line with src/frame or src/core/policy. Used one way only: what the guard lets out must satisfy it.
 */
export interface Allowed {
  readonly mac: string;
  readonly address: string | undefined;
  readonly nextHop: string | undefined;
  readonly dhcp: boolean;
  readonly endpoints: readonly { readonly address: string; readonly port: number; readonly shape: string }[];
  readonly localPort: number | undefined;
  readonly mtu: number | undefined;
  /** What somebody signs in to. */
  readonly portal?:
    | { readonly resolver: string; readonly names: readonly string[]; readonly addresses: readonly string[] }
    | undefined;
}

type Kind = 'arp' | 'dhcp' | 'tunnel' | 'portal';

const EVERYBODY = 'ff:ff:ff:ff:ff:ff';
const NOBODY = '00:00:00:00:00:00';

/**
 * First byte and least length of what an OpenVPN client sends: 3 to 6, 9 and 11 with any key in the lower three bits, 7
 * and 10 with key 0 (https://openvpn.net/community-resources/openvpn-protocol/).
 */
const OPENVPN: readonly (readonly [RegExp, number])[] = [
  [/^(1[89a-f]|2[0-7])$/, 14],
  [/^2[89a-f]$/, 22],
  [/^3[0-7]$/, 21],
  [/^(38|50)$/, 14],
  [/^4[89a-f]$/, 24],
  [/^5[89a-f]$/, 14],
];

/** Every promise that `frame`, let out as a `kind`, breaks. */
export function objections(frame: Buffer, kind: Kind, allowed: Allowed): readonly string[] {
  const hex = frame.toString('hex');
  const mac = (at: number) => (hex.slice(at * 2, at * 2 + 12).match(/../g) ?? []).join(':');
  const ip = (at: number) => [...frame.subarray(at, at + 4)].join('.');
  const u16 = (at: number) => Number.parseInt(hex.slice(at * 2, at * 2 + 4), 16);
  const wrong: string[] = [];
  const demand = (holds: boolean, what: string) => {
    if (!holds) wrong.push(what);
  };

  demand(mac(6) === allowed.mac, 'source MAC');
  demand(mac(0) !== allowed.mac, 'to itself');
  demand(mac(0) === EVERYBODY || ((frame[0] ?? 1) & 1) === 0, 'multicast');
  if (kind === 'arp') {
    demand(frame.length === 42, 'ARP length');
    demand(/^0806000108000604000[12]$/.test(hex.slice(24, 44)), 'ARP header');
    demand(mac(22) === allowed.mac, 'ARP sender MAC');
    demand(ip(28) === allowed.address, 'ARP sender');
    demand(ip(38) === allowed.nextHop || ip(38) === ip(28), 'ARP target');
    if (u16(20) === 1) demand(mac(32) === NOBODY, 'question with a target MAC');
    else demand(ip(38) === allowed.nextHop && mac(32) === mac(0) && mac(0) !== EVERYBODY, 'answer to another');
    return wrong;
  }

  // IPv4 without options, whole, in one piece, exactly as long as the frame; UDP exactly as long as the packet.
  demand(u16(12) === 0x0800 && frame[14] === 0x45, 'IPv4 without options');
  demand(u16(16) === frame.length - 14, 'IPv4 length');
  demand(hex.slice(40, 44) === '0000' || hex.slice(40, 44) === '4000', 'fragment or reserved flag');
  if (kind === 'portal' && frame[23] === 6) {
    demand(mac(0) !== EVERYBODY, 'broadcast');
    demand(ip(26) === allowed.address, 'source');
    demand(allowed.portal?.addresses.includes(ip(30)) === true, 'portal');
    demand(u16(34) >= 1_024 && (u16(36) === 80 || u16(36) === 443), 'ports');
    const header = ((frame[46] ?? 0) >>> 4) * 4;
    demand(header >= 20 && header <= frame.length - 34, 'TCP header');
    demand(((frame[46] ?? 0) & 0x0f) === 0 && ((frame[47] ?? 0) & 0x20) === 0, 'TCP reserved or urgent');
    return wrong;
  }
  demand(frame[23] === 17, 'UDP');
  demand(u16(38) === frame.length - 34, 'UDP length');
  const payload = frame.subarray(42);
  if (kind === 'portal') {
    demand(mac(0) !== EVERYBODY, 'broadcast');
    demand(ip(26) === allowed.address, 'source');
    demand(ip(30) === allowed.portal?.resolver && u16(36) === 53 && u16(34) >= 1_024, 'resolver');
    const written = (name: string) =>
      name
        .split('.')
        .map((label) => `${String.fromCharCode(label.length)}${label}`)
        .join('');
    const asks = (allowed.portal?.names ?? []).map((name) =>
      Buffer.from(`\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00${written(name)}\x00\x00\x01\x00\x01`, 'latin1'),
    );
    demand(
      asks.some((ask) => ask.equals(payload.subarray(2))),
      'a question for an allowed name',
    );
    return wrong;
  }
  if (kind === 'tunnel') {
    demand(mac(0) !== EVERYBODY, 'broadcast');
    demand(ip(26) === allowed.address, 'source');
    const there = allowed.endpoints.find(({ address, port }) => address === ip(30) && port === u16(36));
    demand(there !== undefined, 'endpoint');
    demand(allowed.localPort === undefined || allowed.localPort === u16(34), 'source port');
    if (there?.shape === 'openvpn') {
      demand(
        OPENVPN.some(([first, least]) => first.test(hex.slice(84, 86)) && payload.length >= least),
        'OpenVPN',
      );
      return wrong;
    }
    if (there?.shape === 'openconnect') {
      // RFC 6347, section 4.1: whole records, and data only under a key.
      let rest = hex.slice(84);
      while (rest !== '') {
        const [whole = '', type = '', epoch = '', length = ''] =
          /^(1[4-7])fef[df]([0-9a-f]{4})[0-9a-f]{12}([0-9a-f]{4})/.exec(rest) ?? [];
        const body = Number.parseInt(length, 16) * 2;
        const known = whole !== '' && body > 0 && rest.length >= 26 + body;
        demand(known && (type !== '17' || (epoch !== '0000' && body >= 34)), 'DTLS');
        if (!known) break;
        rest = rest.slice(26 + body);
      }
      demand(payload.length > 0, 'DTLS of no length');
      return wrong;
    }
    if (there?.shape === 'ipsec') {
      const text = hex.slice(84);
      const ike =
        /^0{8}(?!0{16})[0-9a-f]{34}20(22|23|24|25|2b)(00|08|20|28|10|18|30|38)[0-9a-f]{8}/.test(text) &&
        Number.parseInt(text.slice(56, 64), 16) === payload.length - 4 &&
        payload.length > 32;
      const esp = /^(?!000000)[0-9a-f]{8}/.test(text) && payload.length >= 52 && payload.length % 4 === 0;
      demand(text === 'ff' || ike || esp, 'IPsec');
      return wrong;
    }
    demand(payload.length >= 4 && hex.slice(86, 92) === '000000', 'WireGuard reserved bytes');
    const sizes: Readonly<Record<number, boolean>> = {
      1: payload.length === 148,
      2: payload.length === 92,
      3: payload.length === 64,
      4:
        payload.length >= 32 &&
        (allowed.mtu === undefined || payload.length % 16 === 0 || payload.length - 32 === allowed.mtu),
    };
    demand(sizes[payload[0] ?? 0] === true, 'WireGuard length');
    return wrong;
  }

  demand(allowed.dhcp, 'DHCP where none is used');
  demand(u16(34) === 68 && u16(36) === 67, 'DHCP ports');
  demand(ip(26) === '0.0.0.0' || ip(26) === allowed.address, 'DHCP source');
  const toAll = mac(0) === EVERYBODY && ip(30) === '255.255.255.255';
  demand(toAll || (mac(0) !== EVERYBODY && ip(30) === allowed.nextHop), 'DHCP destination');
  demand(payload.subarray(0, 4).toString('hex') === '01010600', 'BOOTREQUEST of Ethernet, no hops');
  demand((u16(52) & 0x7fff) === 0, 'DHCP flags');
  // `ciaddr` may be any: the network may have changed it a moment ago, and option 50 holds as much.
  demand(/^0{24}$/.test(hex.slice(116, 140)), 'yiaddr, siaddr, giaddr');
  demand(mac(70) === allowed.mac, 'chaddr');
  demand(/^0*$/.test(hex.slice(152, 556)), 'chaddr padding, sname, file');
  demand(hex.slice(556, 564) === '63825363', 'cookie');
  demand(/^0*$/.test(optionsEnd(payload.subarray(240), wrong).toString('hex')), 'bytes after the end');
  return wrong;
}

/** RFC 2132 options a client needs, each once, none that names the machine (RFC 7844); what follows the end. */
function optionsEnd(options: Buffer, wrong: string[]): Buffer {
  const lengths: Readonly<Record<number, (length: number) => boolean>> = {
    50: (length) => length === 4,
    53: (length) => length === 1,
    54: (length) => length === 4,
    55: (length) => length <= 32,
    57: (length) => length === 2,
    61: (length) => length === 7,
  };
  const seen = new Set<number>();
  for (let at = 0; at < options.length; ) {
    const code = options[at] ?? 255;
    if (code === 255) return options.subarray(at + 1);
    const length = code === 0 ? -1 : (options[at + 1] ?? 0);
    if (code !== 0 && (seen.has(code) || lengths[code]?.(length) !== true)) wrong.push(`DHCP option ${code}`);
    // Discover and request: to decline or release is to speak about an address, which may be a neighbour's.
    if (code === 53 && ![1, 3].includes(options[at + 2] ?? 0)) wrong.push('DHCP message type');
    seen.add(code);
    at += 2 + length;
  }
  wrong.push('DHCP options without an end');
  return Buffer.alloc(0);
}
