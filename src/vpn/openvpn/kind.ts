import { VmgateError } from '../../core/coded.ts';
import { wallMs } from '../../host/index.ts';
import { errors } from '../codes.ts';
import type { VpnKind } from '../kind.ts';
import { companionNames } from './companions.ts';
import { parseOpenVpn } from './parse.ts';
import { readDirectives } from './syntax.ts';

/**
 * Profiles are read and judged whole; then they are refused, because the gateway has no OpenVPN yet: a profile that was
 * stored and cannot connect would be found out much later.
 */
export const openvpn: VpnKind = {
  label: 'OpenVPN',
  recognises: (line) =>
    /^(?:--)?(?:client|tls-client|auth-user-pass|remote\s+\S.*|dev\s+tu[np]\d*|proto\s+(?:tcp|udp)\S*)$/.test(line) ||
    /^<(?:ca|cert|key|tls-auth|tls-crypt|tls-crypt-v2|connection)>$/.test(line),
  companions: (profile, file) => companionNames(readDirectives(profile, file).directives),
  plan: (profile, file, _options, companions) => {
    const { remotes } = parseOpenVpn(profile, file, companions, wallMs());
    const shown = remotes.map(({ host, port, protocol }) => `${host}:${port}/${protocol}`);
    throw VmgateError.of(errors.VPN_OVPN_NOT_YET, { file, remotes: shown });
  },
};
