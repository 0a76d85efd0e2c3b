import { VmgateError } from '../../core/coded.ts';
import { type Filled, templateErrors, type UnmetNeed, unmetNeed } from '../../template/index.ts';
import type { StoredProfile } from '../../vpn/index.ts';

type Needs = NonNullable<Filled['vpn']>;

/** A profile is the one that a template asks for. @throws TEMPLATE_VPN_MISMATCH */
export function requireNeeded(needs: Needs, profile: StoredProfile): void {
  const unmet = unmetNeedOf(needs, profile);
  if (unmet === undefined) return;
  throw VmgateError.of(templateErrors.TEMPLATE_VPN_MISMATCH, { ...unmet, profile: profile.name });
}

/** The first need of a template that a profile does not meet. */
export function unmetNeedOf(needs: Needs, { plan }: StoredProfile): UnmetNeed | undefined {
  const { kind, endpoint, peerIdentity: peer, split, resolvers: dns, routes: allowedIps } = plan;
  return unmetNeed(needs, { kind, endpoint: `${endpoint.host}:${endpoint.port}`, peer, split, dns, allowedIps });
}
