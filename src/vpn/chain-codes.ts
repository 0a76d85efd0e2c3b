/** Codes for what can be wrong with a chain of profiles, each of which is good by itself. */
import { error } from '../core/coded.ts';

const user = { exit: 2, source: 'user' } as const;

/** `place`: file, line and column where the chain names the profile. */
interface InChain {
  readonly name: string;
  readonly place: string;
}

const sample = { name: 'exit', place: '/home/ann/acme/vmgate.yaml:2:15' };

export const chainErrors = {
  VPN_CHAIN_KIND: error<InChain & { why: string }>({
    ...user,
    what: ({ name, place, why }) => `${place}: ${name} cannot be this hop of a chain: ${why}`,
    remedy: ({ place }) => `put another profile there, or none: ${place}; vmgate vpn list shows what there is`,
    sample: {
      ...sample,
      name: 'office',
      why: 'it is OpenVPN, as entry is: of its program the gateway runs one; WireGuard alone may be there twice',
    },
  }),
  VPN_CHAIN_SAME_SERVER: error<InChain & { other: string; server: string }>({
    ...user,
    what: ({ name, place, other, server }) =>
      `${place}: ${name} has the same server as ${other}, ${server}: a chain to where one is already hides nothing`,
    remedy: ({ name }) => `name a profile of another server in the place of ${name}`,
    sample: { ...sample, other: 'entry', server: '198.51.100.10' },
  }),
  VPN_CHAIN_ADDRESSES_OVERLAP: error<InChain & { other: string; address: string }>({
    ...user,
    what: ({ name, place, other, address }) =>
      `${place}: ${name} gives the gateway the address ${address} inside its tunnel, which ${other} uses already`,
    remedy: ({ name, other }) => `ask the provider of ${name} or ${other} for a profile with another address`,
    sample: { ...sample, other: 'entry', address: '10.64.0.2/32' },
  }),
  VPN_CHAIN_UNREACHABLE: error<InChain & { other: string; server: string }>({
    ...user,
    what: ({ name, place, other, server }) =>
      `${place}: the server of ${name}, ${server}, is not among what ${other} carries`,
    remedy: ({ other, server }) => `use a full tunnel in the place of ${other}, or have ${server} added to its routes`,
    sample: { ...sample, other: 'entry', server: '203.0.113.20' },
  }),
  VPN_CHAIN_NARROW: error<InChain & { mtu: number; least: number }>({
    ...user,
    what: ({ name, place, mtu, least }) =>
      `${place}: inside the hops before it, the packets of ${name} would have ${mtu} bytes; ${least} are the least`,
    remedy: () => 'make the chain shorter, or give the first profile a larger MTU',
    sample: { ...sample, mtu: 460, least: 576 },
  }),
};
