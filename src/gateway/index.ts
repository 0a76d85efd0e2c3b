/** The door of the gateway room: settings of one boot, the control channel, what the gateway answers. */
export { type ControlOptions, openControl } from './channel.ts';
export { errors as gatewayErrors } from './codes.ts';
export type { GatewayControl } from './control.ts';
export type { GatewayFacts, Hello, Leases, UplinkLease } from './protocol.ts';
export { type BootSettings, bootSettings, type ControlCredentials } from './settings.ts';
export { dropbearPrivateKey, makeSshKey, openSshPrivateKey, publicLine, type SshKey } from './ssh-keys.ts';
