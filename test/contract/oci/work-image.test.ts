/**
 * A work VM's disk from the real docker-registry, by digest: taken by init, judged by every `up`, never asked for again.
 *
 * @leakCase 51 none: a work VM's disk from a registry that is unsigned, signed by a stranger, of another sort, or changed on
 *   this machine since, is not booted
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, jest, test } from '@jest/globals';
import { hostPlatform } from '../../../src/host/index.ts';
import { findPulledDisk } from '../../../src/image/index.ts';
import { prepareWork } from '../../../src/work/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { Laptop, PROFILE, type Typed } from '../../unit/cli/command-line.ts';
import { codeOf } from '../../unit/faults.ts';
import type { DockerRegistry } from './docker-registry.ts';
import { teamForEach } from './team-for-each.ts';

jest.setTimeout(180_000);

const { arch } = hostPlatform();
const FOREIGN = arch === 'amd64' ? 'arm64' : 'amd64';

describeUnless(missing('docker-registry', 'ssh-keygen', 'qemu-img'), 'docker-registry')('a disk by digest', () => {
  let registry: DockerRegistry;
  let lead: Laptop;
  let member: Laptop;
  teamForEach((team) => {
    ({ registry, lead, member } = team);
  });
  beforeEach(() => {
    makeDisk('desktop.qcow2', '8M');
  });

  const makeDisk = (name: string, size: string) =>
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path.join(lead.project, name), size]);
  const refused = (typed: Typed, code: string, exit = 6) =>
    expect({ exit: typed.exit, stderr: typed.stderr }).toEqual({
      exit,
      stderr: expect.stringContaining(`error ${code}:`),
    });
  /** @returns the reference with its digest, and the signer. */
  async function push(tag: string, ...more: readonly string[]) {
    const typed = await lead.type(
      ...['image', 'push', `${registry.host}/team/desktop:${tag}`, './desktop.qcow2', '--json', ...more],
    );
    expect({ exit: typed.exit, stderr: typed.stderr }).toMatchObject({ exit: 0 });
    return typed.json().at(-1) as { reference: string; signer: string; digest: string };
  }
  const template = (reference: string) =>
    `version: 1\nkind: gate\nname: dev\nwork: {web: {image: {oci: "${reference}"}, onLoss: pause}}\n`;
  const config = (reference: string) => `version: 1\nvpn: acme\nwork: {web: {oci: "${reference}"}}\n`;
  const pushedTemplate = async (text: string) => {
    execFileSync('mkdir', ['-p', path.join(lead.project, 'dev')]);
    lead.write('dev/template.yaml', text);
    const typed = await lead.type('template', 'push', `${registry.host}/team/dev:3`, 'dev', '--sign', 'key');
    expect({ exit: typed.exit, stderr: typed.stderr }).toMatchObject({ exit: 0 });
  };
  /** All that `up` says where everything about the disk is right: the gateway's image is what is missing. */
  const upIsGood = async () => refused(await member.type('up'), 'IMAGE_NOT_FOUND', 3);

  test('anti-test, case 51: init of a template takes it, signed and locked; up judges what is here, with the registry gone', async () => {
    const { reference, signer, digest } = await push('7', '--sign', 'key');
    await pushedTemplate(template(reference));
    const init = await member.type(
      ...['init', `${registry.host}/team/dev:3`, '--signer', signer, '--vpn', 'acme', '--vpn-file', PROFILE],
    );
    expect({ exit: init.exit, stderr: init.stderr }).toMatchObject({ exit: 0 });
    const lock = JSON.parse(member.read('vmgate.lock')) as { images: Record<string, object> };
    const disk = await findPulledDisk(member.layout.images, digest);
    expect(lock.images).toEqual({
      [`${registry.host}/team/desktop:7`]: { digest, signer, created: expect.any(String), image: disk?.digest },
    });
    await registry.stop();
    await upIsGood();

    // Whose word counts is said by vmgate.trust as it is now.
    const trust = member.read('vmgate.trust');
    member.write('vmgate.trust', trust.replace(/^.*team\/desktop.*\n/m, ''));
    await member.type('trust');
    refused(await member.type('up'), 'TRUST_SIGNER_NOT_ALLOWED');
    member.write('vmgate.trust', trust);
    await member.type('trust');
    await upIsGood();

    member.write('vmgate.lock', member.read('vmgate.lock').replace(disk?.digest ?? '', `sha256:${'0'.repeat(64)}`));
    await member.type('trust');
    refused(await member.type('up'), 'REGISTRY_LOCK_FALSE');
  });

  test('a folder and a vmgate.yaml name it as well; without a pull nothing starts, and the command is said', async () => {
    const { reference, signer } = await push('7', '--sign', 'key');
    execFileSync('mkdir', [path.join(member.project, 'dev')]);
    member.write('dev/template.yaml', template(reference));
    const init = ['init', './dev', '--vpn', 'acme', '--vpn-file', PROFILE];
    // Nobody said whose word counts: nothing is left of it.
    refused(await member.type(...init), 'TRUST_SIGNER_NOT_ALLOWED');
    for (const name of ['vmgate.yaml', 'vmgate.lock', 'vmgate.trust'])
      expect(existsSync(path.join(member.project, name))).toBe(false);
    const typed = await member.type(...init, '--signer', signer);
    expect({ exit: typed.exit, stderr: typed.stderr }).toMatchObject({ exit: 0 });
    expect(member.read('vmgate.yaml')).toContain(`oci: ${reference}`);
    await upIsGood();

    const other = new Laptop();
    try {
      other.write('vmgate.yaml', config(reference));
      await other.type('vpn', 'add', 'acme', PROFILE);
      await other.type('trust');
      const absent = await other.type('up');
      refused(absent, 'WORK_IMAGE_ABSENT', 3);
      expect(absent.stderr).toContain(`vmgate image pull ${reference}`);
      await other.type('image', 'pull', reference, '--signer', signer);
      refused(await other.type('up'), 'IMAGE_NOT_FOUND', 3);
    } finally {
      other.clear();
    }
  });

  test.each([
    ['no digest', ':7', 'must name its version by digest'],
    ['a digest of another algorithm', `:7@sha512:${'0'.repeat(128)}`, 'has a digest by sha512: only sha256 is taken'],
    ['half a digest', ':7@sha256:00', 'must end in @sha256: and 64 hexadecimal digits'],
  ])('%s is refused where it is written', async (_, rest, why) => {
    member.write('vmgate.yaml', config(`registry.example.com/team/desktop${rest}`));
    const typed = await member.type('up');
    refused(typed, 'CONFIG_INVALID', 2);
    expect(typed.stderr).toContain(why);
    execFileSync('mkdir', [path.join(member.project, 'dev')]);
    member.write('dev/template.yaml', template(`registry.example.com/team/desktop${rest}`));
    const judged = await member.type('template', 'validate', './dev');
    refused(judged, 'TEMPLATE_INVALID');
    expect(judged.stderr).toContain(why);
  });

  test('case 51: unsigned, by a stranger, no image, an image that is no disk, for another machine', async () => {
    execFileSync('mkdir', [path.join(member.project, 'dev')]);
    await member.type('vpn', 'add', 'acme', PROFILE);
    const naming = async (reference: string, ...more: readonly string[]) => {
      member.write('dev/template.yaml', template(reference));
      return member.type('init', './dev', '--vpn', 'acme', ...more);
    };
    const unsigned = await push('7');
    refused(await naming(unsigned.reference), 'TRUST_TEMPLATE_UNSIGNED');

    makeDisk('desktop.qcow2', '9M');
    const good = await push('8', '--sign', 'key');
    const others = await push('8', '--sign', 'other');
    expect(others.digest).toBe(good.digest);
    makeDisk('desktop.qcow2', '10M');
    const strange = await push('9', '--sign', 'other');
    const stranger = await naming(strange.reference, '--signer', good.signer);
    refused(stranger, 'TRUST_SIGNER_NOT_ALLOWED');
    expect(stranger.stderr).toContain(`vmgate image pull ${strange.reference.replace(/:9@/, '@')} --signer`);

    await pushedTemplate(`version: 1\nkind: work\nname: dev\nvm: {image: {builtin: tiny}}\n`);
    const shown = await lead.type('template', 'push', `${registry.host}/team/dev:4`, 'dev', '--sign', 'key', '--json');
    const { reference } = shown.json().at(-1) as { reference: string };
    const noImage = await naming(reference, '--signer', good.signer);
    refused(noImage, 'REGISTRY_MANIFEST_INVALID');
    expect(noImage.stderr).toContain('is no image: its type is application/vnd.vmgate.template.v1+json');

    const foreign = await push('10', '--sign', 'key', '--arch', FOREIGN);
    const wrong = await naming(foreign.reference, '--signer', good.signer);
    refused(wrong, 'WORK_IMAGE_ARCH', 2);
    expect(wrong.stderr).toContain(`this machine is ${arch}`);
    expect(existsSync(path.join(member.project, 'vmgate.yaml'))).toBe(false);

    // Anti-test: nothing else is wrong with them.
    const taken = await naming(good.reference, '--signer', good.signer);
    expect({ exit: taken.exit, stderr: taken.stderr }).toMatchObject({ exit: 0 });
  });

  test('case 51: a start makes an overlay over that very disk, and over no other', async () => {
    const first = await push('7', '--sign', 'key');
    await member.type('image', 'pull', first.reference, '--signer', first.signer);
    makeDisk('desktop.qcow2', '9M');
    const second = await push('8', '--sign', 'key');
    const foreign = await push('9', '--sign', 'key', '--arch', FOREIGN);
    await member.type('image', 'pull', foreign.reference);
    const folder = path.join(member.home, 'vm-web');
    const place = { folder, images: member.layout.images, arch, mac: '', wire: { localPath: '', remotePath: '' } };
    const start = (reference: string, isDisposable = false) => {
      const work = { name: 'web', source: { kind: 'oci', reference }, setUp: undefined };
      return prepareWork(work as Parameters<typeof prepareWork>[0], place, isDisposable);
    };
    expect(await codeOf(start(second.reference))).toBe('WORK_IMAGE_ABSENT');
    expect(await codeOf(start(foreign.reference))).toBe('WORK_IMAGE_ARCH');

    const disk = await findPulledDisk(member.layout.images, first.digest);
    const file = path.join(member.layout.images, 'disks', `${disk?.digest.slice(7)}.qcow2`);
    const good = readFileSync(file);
    writeFileSync(file, Buffer.concat([good.subarray(0, -1), Buffer.from([(good.at(-1) ?? 0) ^ 1])]));
    expect(await codeOf(start(first.reference))).toBe('WORK_IMAGE_DAMAGED');
    expect(existsSync(path.join(folder, 'overlay.qcow2'))).toBe(false);
    await member.type('image', 'pull', first.reference);
    await start(first.reference);
    const record = JSON.parse(readFileSync(path.join(folder, 'overlay.json'), 'utf8')) as { digest: string };
    expect(record.digest).toBe(disk?.digest);

    // Pulled once more it is the same file: what was written over it is not garbage now.
    await member.type('image', 'pull', first.reference);
    await start(first.reference);
    await member.type('image', 'pull', second.reference);
    expect(await codeOf(start(second.reference))).toBe('WORK_IMAGE_OTHER');
    await start(first.reference);
  });

  test('prune keeps a disk that only a vmgate.yaml names by its version', async () => {
    const { reference, signer, digest } = await push('7', '--sign', 'key');
    await member.type('image', 'pull', reference, '--signer', signer);
    const disk = await findPulledDisk(member.layout.images, digest);
    const file = path.join(member.layout.images, 'disks', `${disk?.digest.slice(7)}.qcow2`);
    member.write('vmgate.yaml', config(reference));
    rmSync(path.join(member.project, 'vmgate.lock'));
    await member.type('image', 'prune');
    expect(existsSync(file)).toBe(true);
    // Anti-test: it is that line that keeps it.
    member.write('vmgate.yaml', 'version: 1\nvpn: acme\n');
    await member.type('image', 'prune');
    expect(existsSync(file)).toBe(false);
  });
});
