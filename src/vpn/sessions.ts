/** Kinds whose server says what the tunnel's inside is: how their words are read. */
import { isIPv6 } from 'node:net';
import type { VmgateError } from '../core/coded.ts';
import { readSession as readIpsec } from '../core/ipsec-session.ts';
import { readSession as readOpenConnect } from '../core/openconnect-session.ts';
import { readSession as readOpenVpn } from '../core/openvpn-session.ts';
import { wallMs } from '../host/index.ts';
import { type JudgedInside, judgeInside, type SaidInside } from './assigned.ts';
import type { SaidIpv6 } from './assigned-ipv6.ts';
import { readFailure as readIpsecFailure } from './ipsec/failure.ts';
import { readFailure as readOpenConnectFailure } from './openconnect/failure.ts';
import { readFailure as readOpenVpnFailure } from './openvpn/failure.ts';
import type { TunnelPlan } from './tunnel-plan.ts';

export type SessionKind = 'openvpn' | 'ipsec' | 'openconnect';

export interface SessionReader {
  /**
   * What a connected session gives, judged.
   *
   * @param told `NAME=VALUE` lines, a server's words
   * @throws VPN_ASSIGNED_INVALID, VPN_ASSIGNED_NO_DNS
   */
  readonly inside: (told: string, plan: TunnelPlan, taken: readonly string[]) => JudgedInside;
  /** The error that the client's last words mean; undefined where they say no more than that nobody answered. */
  readonly failure: (log: string, endpoint: string, plan: TunnelPlan) => VmgateError | undefined;
}

const SEARCH = ['DOMAIN', 'DOMAIN-SEARCH', 'ADAPTER_DOMAIN_SUFFIX'];

export const SESSIONS: Readonly<Record<SessionKind, SessionReader>> = {
  openvpn: {
    inside: (told, plan, taken) => {
      const { address, options, tunMtu: mtu, ipv6: given } = readOpenVpn(told);
      const values = (isMeant: (type: string) => boolean) =>
        options.flatMap(([option, type = '', value = '']) =>
          option === 'dhcp-option' && isMeant(type) ? [value] : [],
        );
      // `DNS` has addresses of both families since 2.6, and `DNS6` those of IPv6.
      const six = values((type) => type === 'DNS6').filter((value) => isIPv6(value));
      const resolvers = [...six, ...values((type) => type === 'DNS')];
      const domains = values((type) => SEARCH.includes(type));
      return judgeInside({ address, domains, mtu, ...byFamily(resolvers, given) }, plan, taken);
    },
    failure: (log, endpoint) => readOpenVpnFailure(log, endpoint),
  },
  ipsec: {
    inside: (told, plan, taken) => {
      const { address, resolvers, ipv6 } = readIpsec(told);
      return judgeInside({ address, domains: [], mtu: undefined, ...byFamily(resolvers, ipv6) }, plan, taken);
    },
    failure: (log, endpoint, { login }) => readIpsecFailure(log, endpoint, login ?? 'certificate', wallMs()),
  },
  openconnect: {
    inside: (told, plan, taken) => {
      const { resolvers, ipv6, ...said } = readOpenConnect(told);
      return judgeInside({ ...said, ...byFamily(resolvers, ipv6) }, plan, taken);
    },
    failure: (log, endpoint) => readOpenConnectFailure(log, endpoint),
  },
};

/** Resolvers, each with what is of its family. What is no address of either stays with those of IPv4, where it is told. */
function byFamily(
  resolvers: readonly string[],
  ipv6: Omit<SaidIpv6, 'resolvers'> | undefined,
): Pick<SaidInside, 'resolvers' | 'ipv6'> {
  const six = resolvers.filter((address) => isIPv6(address));
  return {
    resolvers: resolvers.filter((address) => !isIPv6(address)),
    ipv6: ipv6 === undefined ? undefined : { ...ipv6, resolvers: six },
  };
}
