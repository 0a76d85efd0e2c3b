/**
 * What is here already is used without a network: not a packet, not a try. The program as it is published runs in a network
 * namespace of its own with a capture on every card; the same commands with an empty store show that it would be seen.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { packageFile } from '../../../src/host/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { Laptop, PROFILE } from '../../unit/cli/command-line.ts';
import { whyNot } from '../policy/namespaces.ts';
import { type DockerRegistry, freePort, startDockerRegistry } from './docker-registry.ts';
import { type Heard, QuietNamespace } from './quiet-namespace.ts';

jest.setTimeout(180_000);

const obstacle = missing('docker-registry', 'ssh-keygen', 'tcpdump', 'ip') ?? whyNot();

describeUnless(obstacle, 'no network for what is cached')('a digest that is here', () => {
  let space: QuietNamespace;
  let registry: DockerRegistry;
  let lead: Laptop;
  let signer: string;
  let template: string;
  let disk: string;
  beforeAll(async () => {
    space = new QuietNamespace();
    registry = await startDockerRegistry('', await freePort(), { namespace: space.name });
    lead = new Laptop();
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(lead.project, 'key')]);
    writeFileSync(path.join(lead.project, 'desktop.raw'), Buffer.alloc(65_536, 7));
    const { reference } = await push('image', 'push', `${registry.host}/team/desktop:7`, './desktop.raw');
    disk = reference;
    mkdirSync(path.join(lead.project, 'dev'));
    const text = `version: 1\nkind: gate\nname: dev\nwork: {web: {image: {oci: "${disk}"}}}\n`;
    lead.write('dev/template.yaml', text);
    const pushed = await push('template', 'push', `${registry.host}/team/dev:3`, 'dev');
    [template, signer] = [pushed.reference, pushed.signer];
  });
  afterAll(async () => {
    await registry.stop();
    space.remove();
    lead.clear();
  });

  const vmgate = (laptop: Laptop, ...argv: readonly string[]): Promise<Heard> =>
    space.hear([process.execPath, packageFile('dist/main.js'), ...argv], {
      cwd: laptop.project,
      env: { PATH: process.env['PATH'], HOME: laptop.folder, VMGATE_HOME: laptop.home },
    });
  async function push(...argv: readonly string[]) {
    const said = await vmgate(lead, ...argv, '--sign', 'key', '--json');
    expect({ exit: said.exit, stderr: said.stderr }).toMatchObject({ exit: 0 });
    return JSON.parse(said.stdout.trimEnd().split('\n').at(-1) ?? '') as { reference: string; signer: string };
  }
  const seen = ({ packets, tried, exit }: Heard) => ({ packets, tried, exit });
  const SILENT = { packets: 0, tried: 0, exit: 0 };

  test.each([
    ['template pull', () => ['template', 'pull', template, '--signer', signer]],
    ['template pull --locked', () => ['template', 'pull', template.replace(/@.*/, ''), '--signer', signer]],
    ['image pull', () => ['image', 'pull', disk, '--signer', signer]],
  ])('%s: nothing is sent for it; anti-test: without it there is', async (name, argv) => {
    const laptop = new Laptop();
    try {
      const first = await vmgate(laptop, ...argv());
      expect(first.exit).toBe(0);
      expect(first.packets).toBeGreaterThan(10);
      expect(first.tried).toBeGreaterThan(0);
      const again = await vmgate(laptop, ...argv(), ...(name.endsWith('--locked') ? ['--locked'] : []));
      expect(seen(again)).toEqual(SILENT);
    } finally {
      laptop.clear();
    }
  });

  test('init of a template with a disk, and up with both; anti-test: init in a home without them', async () => {
    const laptop = new Laptop();
    const init = ['init', template, '--signer', signer, '--vpn', 'acme', '--vpn-file', PROFILE];
    try {
      const first = await vmgate(laptop, ...init);
      expect({ exit: first.exit, stderr: first.stderr }).toMatchObject({ exit: 0 });
      expect(first.packets).toBeGreaterThan(10);
      const again = await vmgate(laptop, ...init.slice(0, 4));
      expect(seen(again)).toEqual(SILENT);
      // Judged, and only then the gateway's image is missed.
      const up = await vmgate(laptop, 'up');
      expect(up.stderr).toContain('IMAGE_NOT_FOUND');
      expect(seen(up)).toEqual({ ...SILENT, exit: 3 });
    } finally {
      laptop.clear();
    }
  });

  test('anti-test: a name that is looked up is seen', async () => {
    const laptop = new Laptop();
    try {
      const asked = await vmgate(laptop, 'template', 'pull', 'registry.example.org/team/dev:3', '--signer', signer);
      expect(asked.stderr).toContain('REGISTRY_UNREACHABLE');
      expect(asked.packets).toBeGreaterThan(0);
    } finally {
      laptop.clear();
    }
  });
});
