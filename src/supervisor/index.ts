/** The door of the supervisor room, for the CLI: launching, asking, and the words of refusal. */
export { SupervisorClient } from './client.ts';
export { errors, events } from './codes.ts';
export { launchSupervisor } from './launch.ts';
export { asFault } from './loop.ts';
export type { StatusReport, VerifyResult } from './protocol.ts';
export { notVerified } from './refusal.ts';
export { macSeed } from './world.ts';
