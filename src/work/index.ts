/** Work VMs: what they boot from, what they are seeded with, how to get in. */
export { describeWork, prepareWork, type WorkPlace } from './prepare.ts';
export { type SshAccess, sshAccess } from './ssh-access.ts';
