/**
 * A gateway with its tunnel up and its work link leased, without a supervisor: for what is measured at the gateway
 * alone, with more or less memory, with the guard or without.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bootUnguarded } from './baseline/unguarded-gateway.mjs';

/** slirp's fixed addresses. */
export const SLIRP = { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' };
export const TUNNEL = { ifname: 'tun0', localPort: 40_001, mark: 0x766d };
const ARM_MS = 4_500;
const COME_UP_MS = 60_000;
const DNS_PORT = 53;

/**
 * @param profile a wg-quick profile of the lab's
 * @param options `guarded`: false takes the guard out of the uplink
 */
export async function connectGateway(stand, profile, { memoryMiB = 160, guarded = true } = {}) {
  const rooms = ['drivers', 'gateway', 'guard', 'core/policy', 'vpn', 'host', 'image'];
  const modules = await Promise.all(rooms.map((room) => stand.load(`${room}/index.js`)));
  const [drivers, { bootSettings, openControl }, { startGuard }, { compileNft, renderNft }] = modules;
  const [, , , , { planWireGuard }, { hostPlatform }, { assembleBoot }] = modules;
  const { planLinks } = await stand.load('core/link-plan.js');
  const folder = await mkdtemp(path.join(tmpdir(), 'vmg-bg-'));
  const undo = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  stand.onClose(stop);
  try {
    const plan = planLinks(['vm'], SLIRP, [], 0x0be0);
    const uplink = { mac: plan.uplink.mac, address: SLIRP.address, nextHop: SLIRP.nextHop, dhcp: false };
    const closed = { uplink, endpoints: [], links: [...plan.work, plan.probe], tunnel: undefined };
    const settings = bootSettings(plan, renderNft(compileNft(closed)));
    const runFolder = path.join(folder, 'gw');
    await mkdir(runFolder, { mode: 0o700 });
    const image = await stand.image('gateway');
    const { kernel, initramfs } = await assembleBoot(image, ['base', 'wireguard'], settings.archive, runFolder);
    const wires = closed.links.map(({ ifname }) => ({
      ifname,
      gatewayPath: path.join(folder, `${ifname}.g`),
      guestPath: path.join(folder, `${ifname}.w`),
    }));
    const { arch } = hostPlatform();
    const spec = { runFolder, kernel, initramfs, arch, memoryMiB, cpus: 1, plan, uplink: { kind: 'user' }, wires };
    const installation = { find: () => stand.qemu() };
    const gateway = guarded
      ? await new drivers.QemuGatewayHost(installation).boot(spec)
      : await bootUnguarded(stand, spec);
    undo.push(() => gateway.kill());
    const { plan: tunnelPlan, secrets } = planWireGuard(profile, 'lab.conf', { split: false, dns: [] });
    const endpoint = { address: tunnelPlan.endpoint.host, port: tunnelPlan.endpoint.port };
    const policy = {
      ...closed,
      endpoints: [{ ...endpoint, protocol: 'udp', shape: 'wireguard' }],
      tunnel: { ...TUNNEL, routes: tunnelPlan.routes, resolvers: tunnelPlan.resolvers, mtu: tunnelPlan.mtu },
    };
    if (guarded) {
      const evidence = { evidence: path.join(folder, 'evidence'), evidenceMaxBytes: 65_536 };
      const guard = await startGuard({ setup: { ...gateway.guardSockets, ...evidence }, uplink });
      undo.push(() => guard.kill());
      guard.setPolicy(uplink, policy.endpoints, policy.tunnel);
      guard.arm(1, ARM_MS);
      const heartbeat = setInterval(() => guard.arm(1, ARM_MS), 1_000);
      undo.push(() => clearInterval(heartbeat));
    }
    const ended = new AbortController();
    void gateway.ended.then(({ detail }) => ended.abort(new Error(`the gateway ended: ${detail}`)));
    const openStream = () => gateway.openControl();
    const { credentials } = settings;
    const control = await openControl({ openStream, credentials, withinMs: COME_UP_MS, signal: ended.signal });
    undo.push(() => control.close());
    await control.setClock(Date.now());
    await control.apply(renderNft(compileNft(policy)));
    await control.tunnel(tunnelPlan, secrets, endpoint, policy);
    (await control.dial(tunnelPlan.resolvers[0], DNS_PORT)).destroy();
    return { control, plan, wires, folder, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
