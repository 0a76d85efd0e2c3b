/** The lab: an untrusted network with a VPN server, for the demo, the tests and drills. */
export { LAB } from './addresses.ts';
export type { DnsQuerySeen, HttpRequestSeen, LabCounts, Reached } from './answers.ts';
export { imagesWithBackdoor, knocks } from './backdoor.ts';
export { ipsecProfile, profileWithIpv6 } from './client-profile.ts';
export type { LabDhcp, LabFault, LabLoginVpn, LabResolver } from './controls.ts';
export { type EffectPlan, STRUCK, type Strike } from './effect-points.ts';
export { arpSpoof, type ScanTarget, vlanTagged } from './hostile-frames.ts';
export { type ForgedError, fragmentationNeeded, icmpRedirect } from './hostile-icmp.ts';
export { dhcpv6Reply, neighbourRedirect, type Router6, routerAdvertisement } from './hostile-ipv6.ts';
export { Lab, type LabAttachment, type LabStart, type PassOptions } from './lab.ts';
export { linksInLab, superviseInLab } from './lab-gate.ts';
export { type Part, type Process, pidOf, processes } from './parts.ts';
export type { LabPass, LabPassPlan } from './pass.ts';
export type { LabRelay } from './relay.ts';
export { standOn, type WireStand } from './wire-stand.ts';
export { kindOf, type WitnessCounts, type WitnessedKind } from './witness.ts';
