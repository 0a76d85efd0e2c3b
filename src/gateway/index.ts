/** The door of the gateway room: settings of one boot, and the control of a gateway that runs. */
export { openControl } from './channel.ts';
export type { GatewayControl } from './control.ts';
export { bootSettings, type ControlCredentials, type ResolverSettings } from './settings.ts';
