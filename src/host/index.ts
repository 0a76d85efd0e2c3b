/** The machine vmgate runs on: its tools, clocks, platform and environment. */
export { complaintOf, errnoOf, messageOf } from './cause.ts';
export { monotonicMs, wallMs } from './clock.ts';
export { events as hostEvents } from './codes.ts';
export { withholdMemoryFromCoreDumps } from './core-dump.ts';
export { digestText, sha256 } from './digest.ts';
export { cleanEnvironment, type IgnoredEnvironment } from './environment.ts';
export { escapeBlock, escapeJson, escapeLine } from './escape.ts';
export { joinStreams } from './join-streams.ts';
export { parseJson } from './json.ts';
export { LineSplitter } from './lines.ts';
export { type Notification, type Notify, notifyDesktop } from './notify.ts';
export { expectOk } from './outcome.ts';
export { whenOverdue } from './overdue.ts';
export { packageFile, programFile } from './package.ts';
export { type HostPlatform, hostPlatform, installLine, type PackageFamily } from './platform.ts';
export { machineProcesses, type ProcessIdentities } from './process-identity.ts';
export { type Run, type RunRequest, type RunResult, run } from './run.ts';
export { childEnvironment, findTool, requireTool } from './tools.ts';
