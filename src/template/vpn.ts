/** What a template may say of the VPN profile that it needs: enough to tell the right one, and nothing that is secret. */
import * as z from 'zod';
import { pieces } from '../config/index.ts';

/** Of every kind that a profile may be of. */
const VPN_KINDS = ['wireguard', 'openvpn', 'ipsec', 'openconnect'] as const;
const PUBLIC_KEY = /^[A-Za-z0-9+/]{43}=$/;
const CERTIFICATE = /^sha256:[0-9a-f]{64}$/;
/** What openconnect pins is the key in the certificate (its --servercert). */
const PINNED_KEY = /^pin-sha256:[A-Za-z0-9+/]{43}=$/;

/** WireGuard's servers have a key; the others show a certificate. */
function peerFault(kind: (typeof VPN_KINDS)[number], peer: string): string | undefined {
  if (kind === 'wireguard')
    return PUBLIC_KEY.test(peer) ? undefined : 'must be the public key of the VPN server: 44 characters of base64';
  if (kind === 'openconnect' && PINNED_KEY.test(peer)) return undefined;
  return CERTIFICATE.test(peer) ? undefined : 'must be sha256: and 64 digits, as vmgate vpn show says of the peer';
}

const endpoint = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?:[1-9]\d{0,4}$/, { error: 'must be HOST:PORT', abort: true })
  .refine((text) => Number(text.split(':')[1]) <= 65_535, { error: 'must have a port of at most 65535' });

export const vpn = z
  .strictObject(
    {
      kind: z.enum(VPN_KINDS, { error: `must be one of ${VPN_KINDS.join(', ')}` }),
      endpoint: endpoint.optional().meta({ description: 'HOST:PORT, as it stands in the profile' }),
      peer: z.string().max(71).optional().meta({
        description:
          'the public key of a WireGuard server; of others sha256: of the authority or certificate that proves them, or the pin-sha256: of an OpenConnect profile',
      }),
      dns: z
        .array(z.ipv4({ error: 'must be an IPv4 address' }))
        .min(1)
        .max(8)
        .optional()
        .meta({ description: 'resolvers in the tunnel; the profile may have these and no others' }),
      allowedIps: z
        .array(pieces.prefix)
        .min(1)
        .max(64)
        .optional()
        .meta({ description: 'what goes into the tunnel; everything unless said' }),
      split: z.boolean().optional().meta({ description: 'whether the VPN covers only part of the Internet' }),
    },
    {
      error: (issue) =>
        Array.isArray(issue.input) ? 'must be one VPN: this version cannot change between several' : undefined,
    },
  )
  .superRefine(({ kind, peer }, context) => {
    const message = peer === undefined ? undefined : peerFault(kind, peer);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['peer'], message });
  })
  .meta({ description: 'what the VPN profile must be; never a key or a password' });

export type VpnNeeds = Readonly<z.infer<typeof vpn>>;
