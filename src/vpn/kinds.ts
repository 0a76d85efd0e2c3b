/** Every kind of VPN, and which of them a profile is written for. */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import { ipsec } from './ipsec/kind.ts';
import type { VpnKind } from './kind.ts';
import { openconnect } from './openconnect/kind.ts';
import { openvpn } from './openvpn/kind.ts';
import { wireguard } from './wireguard/kind.ts';

const KINDS = { wireguard, openvpn, ipsec, openconnect } as const satisfies Record<string, VpnKind>;

export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as [KindName, ...KindName[]];

export function kindNamed(name: KindName): VpnKind {
  return KINDS[name];
}

/** Whether a profile was refused for nothing but a login that its server wants: whoever has one may say it. */
export function isLoginMissing(fault: unknown): boolean {
  return VmgateError.is(fault) && KIND_NAMES.some((name) => KINDS[name].loginMissing === fault.code);
}

/**
 * The kind whose words stand in the profile. WireGuard for a profile without any: its parser tells what is missing.
 *
 * @throws VPN_KIND_UNCLEAR where words of several kinds do
 */
export function detectKind(profile: Uint8Array, file: string): KindName {
  const lines = Buffer.from(profile)
    .toString('latin1')
    .split(/[\r\n]+/);
  const trimmed = lines.map((line) => line.trim());
  const kinds = KIND_NAMES.filter((name) => trimmed.some((line) => KINDS[name].recognises(line)));
  if (kinds.length > 1) throw VmgateError.of(errors.VPN_KIND_UNCLEAR, { file, kinds });
  return kinds[0] ?? 'wireguard';
}
