/** From `vmgate up` to verified, against the same tunnel brought up by a script that proves nothing. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SLIRP, TUNNEL } from './connected-gateway.mjs';
import { interleave, median } from './median.mjs';
import { startBaseline } from './stand.mjs';

export async function measureUp(stand, runs) {
  const stage = await stand.stage();
  const phases = [];
  const byVmgate = async () => {
    await stand.vmgate('down');
    // The lab's pass is handed to the supervisor's process; `vmgate up` would start that process itself.
    const began = performance.now();
    await stage.supervise();
    const supervised = performance.now();
    const { stdout } = await stand.vmgate('up', '--json');
    const ended = performance.now();
    await stand.vmgate('down');
    phases.push({ supervisor: supervised - began, command: ended - supervised, ...phasesOf(stdout) });
    return ended - began;
  };
  const byHand = async () => {
    const settings = await handWritten(stand, stage.lab.profile);
    const began = performance.now();
    const script = startBaseline('gateway.mjs', [settings]);
    try {
      return (await script.seen('answer: ')) - began;
    } finally {
      await script.stop();
    }
  };
  const [vmgateMs, byHandMs] = await interleave(runs, byVmgate, byHand);
  const parts = Object.keys(phases[0]).map((name) => [`${name}Ms`, median(phases.map((phase) => phase[name] ?? 0))]);
  return { value: vmgateMs / byHandMs, raw: { vmgateMs, byHandMs, ...Object.fromEntries(parts) } };
}

/** How long each phase of the gate lasted, by the times in the events of `up --json`. */
function phasesOf(stdout) {
  const events = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter(({ code }) => code === 'GATE_PHASE')
    .map(({ at, payload }) => ({ phase: payload.phase, at: Date.parse(at) }));
  return Object.fromEntries(events.slice(0, -1).map(({ phase, at }, index) => [phase, events[index + 1].at - at]));
}

/** What the script needs, as whoever wrote it would have lying there: the same boot files, firewall and tunnel. */
async function handWritten(stand, profileText) {
  const rooms = ['gateway', 'core/policy', 'vpn', 'image'].map((room) => stand.load(`${room}/index.js`));
  const [{ bootSettings }, { compileNft, renderNft }, { planWireGuard }, { assembleBoot }] = await Promise.all(rooms);
  const { renderTunnelSettings } = await stand.load('gateway/tunnel-settings.js');
  const { planLinks } = await stand.load('core/link-plan.js');
  const folder = await mkdtemp(path.join(await stand.folder(), 'hand-'));
  const links = planLinks(['vm'], SLIRP, [], 0x0be1);
  const { plan, secrets } = planWireGuard(profileText, 'lab.conf', { split: false, dns: [] });
  const { host: address, port, protocol, shape } = plan.endpoint;
  const closed = {
    uplink: { mac: links.uplink.mac, address: SLIRP.address, nextHop: SLIRP.nextHop, dhcp: false },
    endpoints: [],
    links: [...links.work, links.probe],
    tunnel: undefined,
  };
  const tunnel = { ...TUNNEL, routes: plan.routes, resolvers: plan.resolvers, mtu: plan.mtu };
  const open = { ...closed, endpoints: [{ address, port, protocol, shape }], tunnel };
  const { archive, credentials } = bootSettings(links, renderNft(compileNft(closed)));
  const { kernel, initramfs } = await assembleBoot(
    await stand.image('gateway'),
    ['base', 'wireguard'],
    archive,
    folder,
  );
  const { binary, accel } = await stand.qemu();
  const file = path.join(folder, 'settings.json');
  const settings = {
    ...{ qemu: binary, accel, kernel, initramfs, key: credentials.clientKey, resolver: plan.resolvers[0] },
    macs: { uplink: links.uplink.mac, links: closed.links.map(({ gatewayMac }) => gatewayMac) },
    ruleset: renderNft(compileNft(open)),
    tunnel: renderTunnelSettings(plan, tunnel, secrets.reveal({ address, port }, TUNNEL.localPort, TUNNEL.mark)),
  };
  await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
  return file;
}
