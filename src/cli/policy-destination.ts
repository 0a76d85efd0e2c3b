/** `DEST[:PORT][/PROTOCOL]` as people type it: `bank.example:443`, `10.1.2.3:53/udp`, `9.9.9.9/icmp`. */
import { isIPv6 } from 'node:net';
import { VmgateError } from '../core/coded.ts';
import { ipv4ToNumber } from '../core/ipv4.ts';
import { ipv6ToNumber } from '../core/ipv6.ts';
import type { Destination } from '../core/policy/index.ts';
import { errors } from './codes.ts';

export interface Asked {
  /** As typed. */
  readonly written: string;
  readonly destination: Destination;
  readonly isIpv6: boolean;
}

const FORM =
  /^(\[[0-9a-fA-F:.]{2,45}\]|[0-9a-fA-F:]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*|[A-Za-z0-9._-]{1,253}?)(?::(\d{1,5}))?(?:\/(tcp|udp|icmp))?$/;

/** A port without a protocol is TCP's. `vm`: of whom it is asked, for what to type instead. @throws CLI_USAGE */
export function parseDestination(written: string, vm: string): Asked {
  const [, host = '', port, protocol] = FORM.exec(written) ?? [];
  const bare = host.replaceAll(/[[\]]/g, '');
  const address = ipv4ToNumber(bare) ?? ipv6ToNumber(bare);
  const isName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(bare) && !/^[\d.]+$/.test(bare);
  const isIpv6 = isIPv6(bare);
  if (address === undefined && !isName && !isIpv6) throw usage(written, vm, 'is no address or name');
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
    throw usage(written, vm, 'has no port of 1 to 65535');
  if (port !== undefined && protocol === 'icmp') throw usage(written, vm, 'has a port, and ICMP has none');
  return {
    written,
    isIpv6,
    destination: {
      address,
      name: isName ? bare.toLowerCase().replace(/\.$/, '') : undefined,
      protocol: (protocol as 'tcp' | 'udp' | 'icmp' | undefined) ?? (port === undefined ? undefined : 'tcp'),
      port: port === undefined ? undefined : Number(port),
    },
  };
}

/** What stays inside the machine that asks: RFC 1122, RFC 4291, RFC 6761. Linux knows the mapped ones for the same. */
export function isItself({ address, name }: Destination): boolean {
  if (name !== undefined) return name === 'localhost' || name.endsWith('.localhost');
  if (typeof address === 'bigint') return address === 1n || address >> 24n === MAPPED_LOOPBACK;
  return address !== undefined && Math.floor(address / 2 ** 24) === 127;
}

/** `::ffff:127.0.0.0/104`. */
const MAPPED_LOOPBACK = 0xffff7fn;

function usage(written: string, vm: string, fault: string): VmgateError {
  const message = `${JSON.stringify(written.slice(0, 80))} ${fault}: write DEST[:PORT][/PROTOCOL]`;
  return VmgateError.of(errors.CLI_USAGE, {
    message,
    hint: `vmgate policy explain ${vm} bank.example:443`,
    command: 'policy explain',
  });
}
