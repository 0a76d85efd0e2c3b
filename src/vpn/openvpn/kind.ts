import type { VpnKind } from '../kind.ts';

export const openvpn: VpnKind = {
  label: 'OpenVPN',
  loginMissing: 'VPN_OVPN_LOGIN_UNKNOWN',
  recognises: (line) =>
    /^(?:--)?(?:client|tls-client|auth-user-pass|remote\s+\S.*|dev\s+tu[np]\d*|proto\s+(?:tcp|udp)\S*)$/.test(line) ||
    /^<(?:ca|cert|key|tls-auth|tls-crypt|tls-crypt-v2|connection)>$/.test(line),
  reader: async () => (await import('./reader.ts')).openvpnReader,
};
