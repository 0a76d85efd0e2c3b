/** Codes of connections that are made for this machine, through the tunnel. */
import { error, errorCodes } from '../core/coded.ts';

const environment = { source: 'environment' } as const;
const user = { source: 'user' } as const;

export const dialErrors = errorCodes({
  GATE_TARGET_REFUSED: error<{ host: string; why: string }>({
    exit: 4,
    ...user,
    what: ({ host, why }) => `${host} is not connected to through the tunnel: ${why}`,
    remedy: () => 'what the VPN profile routes into the tunnel: vmgate vpn show NAME',
    sample: {
      host: 'router.home',
      why: '192.168.1.1 is private (private network, RFC 1918), and no route of the VPN profile names that network',
    },
  }),
  GATE_NAME_UNKNOWN: error<{ name: string; why: string }>({
    exit: 4,
    ...environment,
    what: ({ name, why }) => `the name ${name} was not found inside the tunnel: ${why}`,
    remedy: () => 'check the name; whether the resolver inside the tunnel answers: vmgate verify',
    sample: { name: 'www.exmaple.org', why: '10.66.0.1 knows no IPv4 address of it' },
  }),
  GATE_STREAMS_FULL: error<{ most: number }>({
    exit: 4,
    ...user,
    what: ({ most }) => `the gate carries ${most} connections of this machine already`,
    remedy: () => 'close some of them, or move the program that needs more into a work VM: vmgate start NAME',
    sample: { most: 48 },
  }),
});
