import type { VpnKind } from '../kind.ts';

export const ipsec: VpnKind = {
  label: 'IKEv2',
  loginMissing: 'VPN_IKE_LOGIN_UNKNOWN',
  recognises: (line) =>
    /^kind\s*:\s*["']?ikev2["']?\s*(#.*)?$/.test(line) ||
    /^(<\?xml\s.*\?>\s*)?(<!DOCTYPE\s+plist\b.*|<plist\b.*)$/.test(line) ||
    /"type"\s*:\s*"ikev2-[a-z-]+"/.test(line),
  reader: async () => (await import('./reader.ts')).ipsecReader,
};
