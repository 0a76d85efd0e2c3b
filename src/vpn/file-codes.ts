/** Codes for what can be wrong with a profile's file, whichever kind of VPN it is for. */
import { error } from '../core/coded.ts';
import { type At, place } from './positions.ts';

const user = { exit: 2, source: 'user' } as const;

export const fileErrors = {
  VPN_PROFILE_UNREADABLE: error<{ file: string; reason: string }>({
    ...user,
    what: ({ file, reason }) => `the VPN profile ${file} cannot be read: ${reason}`,
    remedy: () => 'give the path of the file from your provider: vmgate vpn add NAME FILE',
    sample: { file: 'acme.conf', reason: 'no such file' },
  }),
  VPN_PROFILE_TOO_LARGE: error<{ file: string; bytes: number; limit: number }>({
    ...user,
    what: ({ file, bytes, limit }) => `${file} is ${bytes} bytes; a VPN profile has at most ${limit}`,
    remedy: () => 'check that this is the .conf or .ovpn file from your provider and not an archive or a picture of it',
    sample: { file: 'acme.zip', bytes: 90_112, limit: 65_536 },
  }),
  VPN_PROFILE_NOT_TEXT: error<At & { found: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.found}; a VPN profile is UTF-8 text`,
    remedy: ({ file }) => `save ${file} as UTF-8 text (not UTF-16, not an archive), then add it again`,
    sample: { file: 'acme.conf', line: 7, column: 1, found: 'a control character' },
  }),
  VPN_KIND_UNCLEAR: error<{ file: string; kinds: readonly string[] }>({
    ...user,
    what: ({ file, kinds }) => `${file} is written like profiles of several kinds at once: ${kinds.join(', ')}`,
    remedy: ({ kinds }) =>
      `get the file again from your provider; if it is right: vmgate vpn add NAME FILE --kind ${kinds[0]}`,
    sample: { file: 'acme.conf', kinds: ['wireguard', 'openvpn'] },
  }),
};
