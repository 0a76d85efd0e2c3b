import { wallMs } from '../../host/index.ts';
import type { VpnKind } from '../kind.ts';
import { companionNames } from './companions.ts';
import { planOpenVpn } from './plan.ts';
import { readDirectives } from './syntax.ts';

export const openvpn: VpnKind = {
  label: 'OpenVPN',
  takesLogin: true,
  recognises: (line) =>
    /^(?:--)?(?:client|tls-client|auth-user-pass|remote\s+\S.*|dev\s+tu[np]\d*|proto\s+(?:tcp|udp)\S*)$/.test(line) ||
    /^<(?:ca|cert|key|tls-auth|tls-crypt|tls-crypt-v2|connection)>$/.test(line),
  companions: (profile, file) => companionNames(readDirectives(profile, file).directives),
  plan: (profile, file, options, companions) => planOpenVpn(profile, file, options, companions, wallMs()),
};
