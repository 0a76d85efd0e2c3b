import { VmgateError } from '../../core/coded.ts';
import { type Filled, templateErrors, unmetNeed } from '../../template/index.ts';
import type { StoredProfile } from '../../vpn/index.ts';

/** A profile is the one that a template asks for. @throws TEMPLATE_VPN_MISMATCH */
export function requireNeeded(needs: NonNullable<Filled['vpn']>, { name, plan }: StoredProfile): void {
  const { endpoint, peerIdentity: peer, split, resolvers: dns } = plan;
  const unmet = unmetNeed(needs, { endpoint: `${endpoint.host}:${endpoint.port}`, peer, split, dns });
  if (unmet !== undefined) throw VmgateError.of(templateErrors.TEMPLATE_VPN_MISMATCH, { ...unmet, profile: name });
}
