/** The door of the VPN room. */

export type { JudgedInside } from './assigned.ts';
export { type ChainHop, innerMtu, judgeAddresses, judgeChain, judgeServer, loadHops } from './chain.ts';
export { clearTextPlan, describeTunnel } from './clear-text.ts';
export { errors as vpnErrors } from './codes.ts';
export { claimKey, type KeyClaim, keyHolder } from './in-use.ts';
export type { ProfileLogin, ProfileOptions } from './kind.ts';
export { isLoginMissing, KIND_NAMES } from './kinds.ts';
export { completeRequest, type RequestedTunnel, requestKey } from './request.ts';
export { type PinnedEndpoint, type ResolveMeans, resolveEndpoint } from './resolve.ts';
export { SESSIONS, type SessionKind } from './sessions.ts';
export {
  addProfile,
  type BrokenProfile,
  isProfileName,
  listProfiles,
  loadProfile,
  removeProfile,
  type StoredProfile,
} from './store.ts';
export type { TunnelInside, TunnelPlan, TunnelSecrets } from './tunnel-plan.ts';
export { publicKeyOf } from './wireguard/keys.ts';
export { planWireGuard } from './wireguard/plan.ts';
