/**
 * No file that anybody writes or shares has a word for a way beside the wire, so that none can come along with one.
 *
 * @leakCase 50 none: a vmgate.yaml, a vmgate.local.yaml and a template that ask for a shared folder, another card, USB, a
 *   socket of the host or an option of the hypervisor are refused, with the line
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { loadTemplate } from '../../../src/template/index.ts';
import { faultOf, rejectionOf } from '../faults.ts';
import { temporaryFolders } from '../home/temp-folder.ts';

const temporary = temporaryFolders();

/** As Lima, Vagrant, libvirt, VirtualBox and QEMU call them. */
const DOORS: readonly (readonly [string, string])[] = [
  ['a shared folder', 'mounts: [{location: /home/ada, writable: true}]'],
  ['a synced folder', 'synced_folder: .'],
  ['a 9p share', 'virtfs: {path: /, tag: host}'],
  ['a virtiofs share', 'filesystem: {source: /}'],
  ['another card', 'networks: [{vzNAT: true}]'],
  ['more cards', 'nics: [user]'],
  ['a bridge', 'bridge: br0'],
  ['a card of its own address', 'mac: 52:54:00:12:34:56'],
  ['a port forward by the hypervisor', 'portForwards: [{guestPort: 22, hostPort: 2222}]'],
  ['USB', 'usb: [{vendor: "0x1234"}]'],
  ['USB redirection', 'redirdev: [spicevmc]'],
  ['a passed-through device', 'devices: [vfio-pci]'],
  ['a graphics card of the host', 'gpu: passthrough'],
  ['vsock', 'vsock: {cid: 3}'],
  ['a guest agent', 'guestAgent: true'],
  ['the clipboard', 'clipboard: true'],
  ['sound', 'audio: pa'],
  ['a serial line', 'serial: /dev/ttyUSB0'],
  ['a socket of the host', 'sockets: [/run/docker.sock]'],
  ['the ssh agent', 'forwardAgent: true'],
  ['options of QEMU', 'args: ["-netdev", "user,id=x"]'],
  ['options by another name', 'qemu: {extraArgs: "-usb"}'],
  ['a monitor', 'monitor: tcp:127.0.0.1:4444'],
  ['SPICE', 'display: spice'],
  ['a display on a port', 'display: "vnc=0.0.0.0:0"'],
];

const entry = (door: string) =>
  `version: 1\nvpn: acme\nwork:\n  web:\n    template: tiny\n${door === '' ? '' : `    ${door}\n`}`;
const key = (door: string) => door.slice(0, door.indexOf(':'));

function load(base: string, local?: string) {
  const folder = temporary();
  writeFileSync(path.join(folder, 'vmgate.yaml'), base);
  if (local !== undefined) writeFileSync(path.join(folder, 'vmgate.local.yaml'), local);
  return loadConfig(folder, '/no/home');
}

const template = (door: string) => {
  const text = `version: 1\nkind: work\nname: dev\nvm:\n  image: {builtin: tiny}\n${door === '' ? '' : `  ${door}\n`}`;
  const files = [{ path: 'template.yaml', executable: false, content: Buffer.from(text) }];
  return loadTemplate(files, { place: 'dev/', version: '0.1.0' });
};

describe('a side door that is asked for', () => {
  test.each(DOORS)('case 50: %s, in vmgate.yaml', (_, door) => {
    const fault = faultOf(() => load(entry(door)));
    expect(fault).toMatchObject({ code: 'CONFIG_INVALID', exit: 2 });
    expect(fault.what).toMatch(new RegExp(`vmgate\\.yaml:6:\\d+: .*${key(door)}`));
  });

  test.each(DOORS)('case 50: %s, in vmgate.local.yaml', (_, door) => {
    const local = `work:\n  web:\n    ${door}\n`;
    expect(faultOf(() => load(entry(''), local))).toMatchObject({ code: 'CONFIG_INVALID', exit: 2 });
  });

  test.each(DOORS)('case 50: %s, in a template', async (_, door) => {
    const fault = await rejectionOf(template(door));
    expect(fault).toMatchObject({ code: 'TEMPLATE_INVALID', exit: 6 });
    expect(fault.what).toContain(key(door));
  });

  test('anti-test, case 50: without it each of them is taken', async () => {
    expect(load(entry('')).config.work).toHaveLength(1);
    expect(load(entry(''), 'work:\n  web:\n    cpus: 2\n').config.work[0]?.cpus).toBe(2);
    expect((await template('')).definition.name).toBe('dev');
  });
});
