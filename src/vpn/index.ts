/** The door of the VPN room. */
export { errors as vpnErrors, events as vpnEvents } from './codes.ts';
export type { TunnelPlan, TunnelSecrets } from './tunnel-plan.ts';
export { publicKeyOf } from './wireguard/keys.ts';
export { type PlannedProfile, type ProfileOptions, planWireGuard } from './wireguard/plan.ts';
