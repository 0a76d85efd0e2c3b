/** The tiny work VM on a gateway's work link, and a shell in it through that gateway. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import ssh2 from 'ssh2';

const NAME = 'vm';
const SSH_PORT = 22;
const READY_MS = 120_000;

/** @param gateway what connectGateway returned */
export async function startWorkVm(stand, gateway) {
  const [{ describeWork, prepareWork }, { QemuWorkHost }, { sshAccess }, { hostPlatform }] = await Promise.all([
    stand.load('work/index.js'),
    stand.load('drivers/index.js'),
    stand.load('work/ssh-access.js'),
    stand.load('host/index.js'),
  ]);
  const [link] = gateway.plan.work;
  const { gatewayPath, guestPath } = gateway.wires.find(({ ifname }) => ifname === link.ifname);
  const config = { name: NAME, cpus: 1, hardware: 'virtio', memoryMiB: undefined, source: { kind: 'template' } };
  const images = await stand.images();
  const folder = path.join(gateway.folder, NAME);
  await mkdir(folder, { mode: 0o700 });
  const wire = { localPath: guestPath, remotePath: gatewayPath };
  const place = { folder, images, arch: hostPlatform().arch, mac: link.guestMac, wire };
  const spec = await describeWork(config, place);
  await prepareWork(config, spec, images);
  const vm = await new QemuWorkHost({ find: () => stand.qemu() }).start(spec);
  stand.onClose(() => vm.kill());
  await vm.resume();
  await vm.setLink(true);
  const privateKey = await readFile(sshAccess(folder, NAME, true).identity, 'utf8');
  return {
    /** Resolves once ssh answers. */
    shell: () => shellWithin(gateway.control, link.guest, privateKey),
    stop: () => vm.kill(),
  };
}

async function shellWithin(control, address, privateKey) {
  for (const deadline = Date.now() + READY_MS; ; ) {
    try {
      return await shell(await control.dial(address, SSH_PORT), privateKey);
    } catch (cause) {
      if (Date.now() > deadline) throw cause;
    }
  }
}

/** What `run(line)` of the result resolves with is the command's output. */
function shell(sock, privateKey) {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    const run = (line) =>
      new Promise((done, failed) => {
        client.exec(line, (cause, stream) => {
          if (cause !== undefined) return failed(cause);
          let output = '';
          stream.on('data', (chunk) => {
            output += chunk;
          });
          stream.on('close', () => done(output));
        });
      });
    client.once('ready', () => resolve({ run, close: () => client.destroy() }));
    client.on('error', reject);
    client.connect({ sock, privateKey, username: 'root' });
  });
}
