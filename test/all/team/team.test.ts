/**
 * A team, with VMs: a lead signs and pushes a gate template to the real docker-registry; a member with an empty home folder
 * types what docs/templates.md says, and has a work VM behind the verified tunnel; then again without a registry. Only the
 * server's address is not typed: the lab's is one that no real profile may have.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { type HomeLayout, layoutOf, openHome } from '../../../src/home/index.ts';
import { hostPlatform, type RunResult, run } from '../../../src/host/index.ts';
import { requireImage } from '../../../src/image/index.ts';
import { LAB, Lab, superviseInLab } from '../../../src/lab/index.ts';
import { completeRequest } from '../../../src/vpn/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../../contract/oci/docker-registry.ts';
import { walkthrough } from '../../contract/oci/walkthrough.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { compileProgram, type Program, stageImages } from '../../system/leaks/stage.ts';
import { Laptop } from '../../unit/cli/command-line.ts';

jest.setTimeout(400_000);

const PEER = 'Ib+lyX2LkjBHMp7sSrer9ecIZwrcvMcBaxBgWOOhTWA=';
const ADDRESSING = { kind: 'static', address: '192.168.77.50', prefixLength: 24, nextHop: LAB.router } as const;

describeUnless(missing('docker-registry', 'ssh-keygen', 'diff'), 'a team with VMs')('a team', () => {
  const lead = new Laptop();
  const folder = mkdtempSync(path.join(tmpdir(), 'vmg-'));
  const project = path.join(folder, 'p');
  const root = path.join(folder, 'h');
  let home: HomeLayout;
  let program: Program;
  let registry: DockerRegistry;
  let lab: Lab;

  beforeAll(async () => {
    program = await compileProgram();
    const images = await stageImages();
    mkdirSync(project);
    mkdirSync(root, { mode: 0o700 });
    symlinkSync(images, layoutOf(root).images);
    home = openHome({ VMGATE_HOME: root });
    registry = await startDockerRegistry();
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(lead.project, 'key')]);
    lab = await Lab.start({
      ...{ folder: path.join(folder, 'lab'), attachment: 'wire', addressing: ADDRESSING },
      image: await requireImage(images, 'lab', hostPlatform().arch),
      installation: new Installation(),
    });
  });
  afterAll(async () => {
    await vmgate('down').catch(() => undefined);
    await lab?.stop();
    await registry?.stop();
    await program?.remove();
    lead.clear();
    rmSync(folder, { recursive: true, force: true });
  });

  const vmgate = (...argv: readonly string[]): Promise<RunResult> =>
    run({
      ...{ tool: process.execPath, argv: [path.join(program.dist, 'main.js'), ...argv], cwd: project },
      ...{ timeoutMs: 180_000, env: { VMGATE_HOME: root } },
    });
  const supervise = () =>
    superviseInLab(
      home,
      'default',
      path.join(project, 'vmgate.yaml'),
      lab.pass(),
      path.join(program.dist, 'lab', 'supervisor-main.js'),
    );
  const well = ({ code, stdout, stderr }: RunResult) => {
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const exitSeen = async () => {
    const asked = `timeout 30 wget -q -O - http://${LAB.site}/`;
    return well(await vmgate('ssh', 'dev', '--', asked)).trim();
  };

  test('from an empty home folder to a work VM behind the verified tunnel, as the page says', async () => {
    const print = execFileSync('ssh-keygen', ['-l', '-f', path.join(lead.project, 'key.pub')], { encoding: 'utf8' });
    const steps = walkthrough({
      'registry.example.com': registry.host,
      'SHA256:kGxBo1lYfJ0rY1Vd6T3bL0CVJrT2kqYk3yZb8zqPq1c': print.split(' ')[1] ?? '',
      '~/.ssh/id_ed25519': 'key',
      'vpn.example.com:51820': `${lab.endpoint.address}:${lab.endpoint.port}`,
      [PEER]: lab.serverPublicKey,
    });
    // The next version has no VMs to show.
    const until = steps.findIndex((step) => step.kind === 'command' && step.argv[0] === 'start');
    const typed: string[] = [];
    for (const step of steps.slice(0, until + 1)) {
      if (step.kind === 'file') {
        mkdirSync(path.join(lead.project, path.dirname(step.name)), { recursive: true });
        lead.write(step.name, step.content);
        continue;
      }
      typed.push(`${step.who} ${step.argv.slice(0, 2).join(' ')}`);
      if (step.who === 'lead') {
        expect((await lead.type(...step.argv)).exit).toBe(0);
      } else if (step.argv.includes('--address')) {
        await addressed(step.argv.at(-1) ?? '', step.argv[2] ?? '');
        await supervise();
      } else {
        const stdout = well(await vmgate(...step.argv));
        const [, key] = /^ {2}peer (\S+)$/m.exec(stdout) ?? [];
        // As whoever runs the server does with the line.
        if (key !== undefined) await lab.admit(key, [`${LAB.client}/32`]);
      }
    }
    expect(typed.slice(-2)).toEqual(['member up', 'member start dev']);
    expect(await exitSeen()).toContain(LAB.exit);
    const [status] = well(await vmgate('status', '--json')).split('\n');
    expect(JSON.parse(status ?? '')).toMatchObject({ phase: 'open', work: [{ name: 'dev' }] });
    well(await vmgate('down'));
  });

  test('again, with the registry gone and nothing remembered but the store', async () => {
    await registry.stop();
    rmSync(path.join(root, 'templates/layers'), { recursive: true });
    rmSync(path.join(root, 'recent.json'));
    well(await vmgate('init', `${registry.host}/team/dev:3`));
    await supervise();
    well(await vmgate('up'));
    well(await vmgate('start', 'dev'));
    expect(await exitSeen()).toContain(LAB.exit);
    well(await vmgate('down'));
  });

  async function addressed(address: string, source: string): Promise<void> {
    const server = {
      ...{ endpoint: `${lab.endpoint.address}:${lab.endpoint.port}`, peer: lab.serverPublicKey },
      ...{ allowedIps: ['0.0.0.0/0'], dns: [LAB.inside], split: false },
    };
    const pass = lab.pass();
    await completeRequest(home.vpn, 'dev', address, server, source, (each) => pass.allowEndpoint(each));
  }
});
