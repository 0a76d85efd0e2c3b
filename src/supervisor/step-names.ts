/** What the supervisor's steps are called by people; payloads keep their own names. */
const STEPS: Readonly<Record<string, string>> = {
  bootGateway: 'booting the gateway',
  killGateway: 'ending the gateway',
  admitDhcp: 'letting the gateway ask for an address',
  askAddress: 'asking the local network for an address',
  lookForPortal: 'looking for a portal',
  admitPortal: 'letting somebody through to a portal',
  pin: "looking up the VPN server's address",
  startTunnel: 'connecting the VPN',
  verify: 'verifying the tunnel',
  pulse: 'looking after the tunnel',
  lease: 'renewing the leases',
  dropLeases: 'taking the leases back',
  lowerLinks: "setting the work VMs' wires down",
  lowerLink: "setting the work VM's wire down",
  flushConntrack: 'forgetting open connections',
  defineWork: 'making the work VM',
  pauseWork: 'letting the work VM stand still',
  judgeWork: 'looking at the work VM',
  resumeWork: 'starting the work VM',
  raiseWork: 'letting the work VM go',
  awaitReady: "waiting for the work VM's answer",
  stopWork: 'stopping the work VM',
};

export function inWords(step: string): string {
  return STEPS[step] ?? step;
}
