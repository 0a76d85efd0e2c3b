import type { VpnKind } from '../kind.ts';

export const openconnect: VpnKind = {
  label: 'OpenConnect',
  loginMissing: 'VPN_OC_LOGIN_UNKNOWN',
  recognises: (line) =>
    /^(?:server|protocol|servercert|cafile|authgroup|usergroup|resolve)[ \t]*=[ \t]*[^ \t]/.test(line) ||
    /^server[ \t]+https:\/\//.test(line) ||
    /^<(?:cafile|sslkey|AnyConnectProfile\b.*)>$/.test(line),
  reader: async () => (await import('./reader.ts')).openconnectReader,
};
