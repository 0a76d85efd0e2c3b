/** Images to and from the real docker-registry, as people type it. */
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { describeUnless, missing } from '../../obstacle.ts';
import type { Laptop } from '../../unit/cli/command-line.ts';
import type { DockerRegistry } from './docker-registry.ts';
import { teamForEach } from './team-for-each.ts';

jest.setTimeout(300_000);

const MIB = 1_048_576;
const PIECE = 32 * MIB;

describeUnless(missing('docker-registry', 'ssh-keygen'), 'docker-registry')('images', () => {
  let registry: DockerRegistry;
  let lead: Laptop;
  let member: Laptop;
  teamForEach((team) => {
    ({ registry, lead, member } = team);
  });

  const sha256 = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const reference = () => `${registry.host}/team/desktop:7`;
  /** Two pieces that differ, the second one short. */
  const disk = () => Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), randomBytes(PIECE + MIB)]);
  const push = async (...more: readonly string[]) => {
    const pushed = await lead.type('image', 'push', reference(), './desktop.qcow2', '--sign', 'key', '--json', ...more);
    expect({ exit: pushed.exit, stderr: pushed.stderr }).toMatchObject({ exit: 0 });
    return pushed.json().at(-1) as {
      line: string;
      sentBytes: number;
      knownBytes: number;
      unchanged: boolean;
      signer: string;
    };
  };
  const pull = async (...more: readonly string[]) => {
    const pulled = await member.type('image', 'pull', reference(), '--json', ...more);
    return { ...pulled, last: pulled.json().at(-1) as { file: string; cached: boolean; image: string } };
  };

  test('a disk in pieces: there, back, the same bytes; the next version sends and fetches what changed', async () => {
    const content = disk();
    writeFileSync(path.join(lead.project, 'desktop.qcow2'), content);
    const { signer, sentBytes } = await push();
    expect(sentBytes).toBeGreaterThan(content.length);
    expect((await member.type('image', 'pull', reference())).stderr).toContain('TRUST_SIGNER_NOT_ALLOWED');
    expect(existsSync(path.join(member.project, 'vmgate.lock'))).toBe(false);

    const { last } = await pull('--signer', signer);
    expect(last.image).toBe(sha256(content));
    expect(readFileSync(last.file).equals(content)).toBe(true);
    expect(statSync(last.file).mode & 0o777).toBe(0o600);
    expect(readdirSync(path.join(member.home, 'images')).filter((name) => name.startsWith('pulled-'))).toEqual([]);

    appendFileSync(path.join(lead.project, 'desktop.qcow2'), randomBytes(MIB));
    const second = await push();
    expect(second.knownBytes).toBe(PIECE);
    expect(second.sentBytes).toBeLessThan(3 * MIB);
    const changed = await pull();
    expect(readFileSync(changed.last.file).length).toBe(content.length + MIB);
    await registry.stop();
    expect((await pull('--locked')).last).toMatchObject({ cached: true, file: changed.last.file });
  });

  test('the push of an unchanged image sends nothing but HEADs, and questions for signatures where it is signed', async () => {
    writeFileSync(path.join(lead.project, 'desktop.qcow2'), disk());
    await lead.type('image', 'push', reference(), './desktop.qcow2');
    const seen: string[] = [];
    const proxy = http.createServer((request, response) => {
      seen.push(request.method ?? '');
      const [host, port] = registry.host.split(':');
      const { method, url, headers } = request;
      const onward = http.request({ host, port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const through = `127.0.0.1:${(proxy.address() as AddressInfo).port}/team/desktop:7`;
      // Another place is another manifest: once to have it there, once to see.
      await lead.type('image', 'push', through, './desktop.qcow2');
      expect(seen).toContain('PUT');
      seen.length = 0;
      const again = await lead.type('image', 'push', through, './desktop.qcow2', '--json');
      expect(again.json().at(-1)).toMatchObject({ unchanged: true, sentBytes: 0 });
      // For the config, each piece, and the tag.
      expect(seen).toEqual(['HEAD', 'HEAD', 'HEAD', 'HEAD']);

      const sign = ['image', 'push', through, './desktop.qcow2', '--sign', 'key'];
      await lead.type(...sign);
      expect(seen).toContain('PUT');
      seen.length = 0;
      await lead.type(...sign);
      // Which signatures there are is read.
      expect([...new Set(seen)].sort()).toEqual(['GET', 'HEAD']);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  test('a piece that was changed in the registry is refused; one that was changed here is fetched again', async () => {
    const content = disk();
    writeFileSync(path.join(lead.project, 'desktop.qcow2'), content);
    const { signer } = await push();
    const piece = sha256(content.subarray(0, PIECE)).slice('sha256:'.length);
    const there = path.join(registry.folder, 'data/docker/registry/v2/blobs/sha256', piece.slice(0, 2), piece, 'data');
    const good = readFileSync(there);
    writeFileSync(there, Buffer.concat([good.subarray(0, -1), Buffer.from([(good.at(-1) ?? 0) ^ 1])]));
    const refused = await member.type('image', 'pull', reference(), '--signer', signer);
    expect(refused).toMatchObject({ exit: 6, stderr: expect.stringContaining('REGISTRY_DIGEST_MISMATCH') });
    expect(existsSync(path.join(member.home, 'images/disks'))).toBe(false);

    writeFileSync(there, good);
    await pull('--signer', signer);
    const here = path.join(member.home, 'images/pieces/blobs/sha256', piece);
    writeFileSync(here, Buffer.alloc(PIECE));
    const { last } = await pull();
    expect(readFileSync(last.file).equals(content)).toBe(true);
  });

  test('prune keeps what a lock or a vmgate.yaml names, and nothing else', async () => {
    writeFileSync(path.join(lead.project, 'desktop.qcow2'), disk());
    const { signer } = await push();
    const first = (await pull('--signer', signer)).last;
    writeFileSync(path.join(lead.project, 'desktop.qcow2'), disk());
    await push();
    const second = (await pull()).last;
    const files = () => readdirSync(path.join(member.home, 'images/disks')).sort();
    expect(files()).toHaveLength(2);

    member.write('vmgate.yaml', `version: 1\nvpn: acme\nwork: {web: {disk: ${first.file}}}\n`);
    await member.type('image', 'prune');
    expect(files()).toHaveLength(2);
    member.write('vmgate.yaml', 'version: 1\nvpn: acme\n');
    const [pruned] = (await member.type('image', 'prune', '--json')).json();
    expect(pruned).toMatchObject({ disks: [path.basename(first.file)] });
    expect(files()).toEqual([path.basename(second.file)]);
    await registry.stop();
    expect((await pull('--locked')).last.cached).toBe(true);

    // What a lock names cannot be told from one that is broken: nothing goes.
    member.write('vmgate.lock', '{');
    expect(await member.type('image', 'prune')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('REGISTRY_LOCK_DAMAGED'),
    });
    expect(files()).toEqual([path.basename(second.file)]);
  });

  test('a template is no image, and an image no template', async () => {
    writeFileSync(path.join(lead.project, 'desktop.qcow2'), disk());
    const { signer } = await push();
    expect((await member.type('template', 'pull', reference(), '--signer', signer)).stderr).toContain(
      'REGISTRY_MANIFEST_INVALID',
    );
    await lead.type('template', 'push', `${registry.host}/team/t:1`, 'tiny', '--sign', 'key');
    const pulled = await member.type('image', 'pull', `${registry.host}/team/t:1`, '--signer', signer);
    expect(pulled.stderr).toContain('REGISTRY_MANIFEST_INVALID');
  });
});
