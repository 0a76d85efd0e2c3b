/** What listens on this machine for its own programs: `vmgate proxy`, `vmgate forward`. */
export { type Credential, makeCredential } from './credential.ts';
export { startForward } from './forward.ts';
export { Listener, type Place } from './listener.ts';
export { canTellOwners } from './peer-owner.ts';
export { startProxy } from './proxy.ts';
