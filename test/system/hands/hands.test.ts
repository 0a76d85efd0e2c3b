/**
 * What hands do, on a real terminal and through the system's own OpenSSH: the questions of `init`, an exit that is
 * learnt, a console, a shell, files carried in and out, an image from a stick.
 */
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { hostPlatform, run } from '../../../src/host/index.ts';
import { requireImage } from '../../../src/image/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { describeUnless } from '../../obstacle.ts';
import { vmgate } from '../leaks/life-scene.ts';
import { compileProgram, openStage, type Program, stageImages } from '../leaks/stage.ts';
import { Typist, whyNoTypist } from './typist.ts';

jest.setTimeout(180_000);

const ENTER = '\r';
const DOWN = '\x1b[B';
const DETACH = '\x1d';
const PROFILE = path.join(import.meta.dirname, '../../unit/vpn/profiles/full.conf');
/** Nobody's addresses: what `init` writes where the exit is to be learnt. */
const TO_BE_LEARNT = `version: 1
vpn: lab
verify: {exit: {url: "https://${LAB.siteName}/", expect: [192.0.2.0/24]}} # to be learnt
work: {${WORK_VM}: {template: tiny}}
`;

const onTerminal = describeUnless(whyNoTypist(), 'what is typed on a terminal');

let program: Program;
let folder: string;
beforeAll(async () => {
  program = await compileProgram();
  folder = await mkdtemp(path.join(os.tmpdir(), 'vgh-'));
});
afterAll(async () => {
  await program?.remove();
  await rm(folder, { recursive: true, force: true });
});

const main = () => path.join(program.dist, 'main.js');

/** A home and a project folder of their own, for what needs no gate. */
async function fresh(name: string): Promise<{ readonly home: string; readonly project: string }> {
  const [home, project] = [path.join(folder, name, 'home'), path.join(folder, name, 'project')];
  await mkdir(project, { recursive: true });
  await mkdir(home, { mode: 0o700 });
  return { home, project };
}

onTerminal('init asks, on a terminal', () => {
  const typists: Typist[] = [];
  afterEach(() => {
    for (const typist of typists.splice(0)) typist.leave();
  });
  const begin = ({ home, project }: Awaited<ReturnType<typeof fresh>>) => {
    const typist = new Typist([process.execPath, main(), 'init'], project, { VMGATE_HOME: home });
    typists.push(typist);
    return typist;
  };

  test('a first profile, the tiny VM, no exit; then the profile that is known, a disk, an exit', async () => {
    const place = await fresh('asks');
    const first = begin(place);
    await first.see(/Profile from your provider/);
    first.type(PROFILE + ENTER);
    await first.see(/What does the work VM boot\?/);
    first.type(ENTER);
    await first.see(/URL that answers with your address/);
    first.type(ENTER);
    await first.see(/next:\s+vmgate image build\s+vmgate up\s+vmgate start workvm/);
    expect(await first.end()).toBe(0);
    expect(loadConfig(place.project, place.home).config).toMatchObject({ vpn: ['full'], work: [{ name: 'workvm' }] });

    await rm(path.join(place.project, 'vmgate.yaml'));
    await writeFile(path.join(place.project, 'my disk.qcow2'), '');
    const second = begin(place);
    await second.see(/Which VPN\?/);
    second.type(ENTER);
    await second.see(/What does the work VM boot\?/);
    second.type(DOWN + ENTER);
    await second.see(/Disk image:/);
    second.type(`my disk.qcow2${ENTER}`);
    await second.see(/URL that answers with your address/);
    second.type(`https://ip.example.org/${ENTER}`);
    await second.see(/Addresses it must answer/);
    second.type(`203.0.113.0/24, 198.51.100.7${ENTER}`);
    await second.see(/wrote /);
    expect(await second.end()).toBe(0);
    expect(loadConfig(place.project, place.home).config).toMatchObject({
      verify: { exit: { expect: { kind: 'address', prefixes: ['203.0.113.0/24', '198.51.100.7'] } } },
      work: [{ source: { kind: 'disk', disk: path.join(place.project, 'my disk.qcow2') } }],
    });
  });
});

test('image import takes a folder or a tar of one; a changed part is refused', async () => {
  const { home, project } = await fresh('import');
  const image = await requireImage(await stageImages(), 'tiny', hostPlatform().arch);
  await cp(image.folder, path.join(project, 'tiny'), { recursive: true });
  await run({ tool: 'tar', argv: ['-cf', path.join(project, 'tiny.tar'), 'tiny'], cwd: project, timeoutMs: 60_000 });
  const taken = (source: string) =>
    run({
      tool: process.execPath,
      argv: [main(), 'image', 'import', source, '--json'],
      cwd: project,
      env: { VMGATE_HOME: home },
      timeoutMs: 60_000,
    });
  for (const source of ['tiny', './tiny.tar']) {
    const { code, stdout } = await taken(source);
    expect({ code, ...JSON.parse(stdout) }).toEqual({
      code: 0,
      kind: 'tiny',
      arch: image.manifest.arch,
      digest: image.digest,
    });
  }
  await appendFile(path.join(project, 'tiny', 'kernel'), 'x');
  const { code, stdout } = await taken('tiny');
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 4, error: { code: 'IMAGE_DIGEST_MISMATCH' } });
});

describe('behind a gate', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(program, { attachment: 'wire', config: TO_BE_LEARNT });
  });
  afterAll(() => stage?.close());

  const typed = (...argv: readonly string[]) =>
    new Typist([process.execPath, main(), ...argv], stage.gate.folder, { VMGATE_HOME: stage.home.root });

  onTerminal('on a terminal', () => {
    test('an exit that was seen is learnt once somebody says yes', async () => {
      expect(await vmgate(stage, 'up')).toMatchObject({ code: 4, fault: 'GATE_NOT_VERIFIED' });
      const no = typed('init', '--learn-exit');
      await no.see(new RegExp(`Traffic comes out at ${LAB.exit}\\. Is that your VPN's exit\\?`));
      no.type(ENTER);
      await no.see(/nothing was changed/);
      expect(await no.end()).toBe(0);
      const yes = typed('init', '--learn-exit');
      await yes.see(/Is that your VPN's exit\?/);
      yes.type(`y${ENTER}`);
      await yes.see(/vmgate up {3}applies it/);
      expect(await yes.end()).toBe(0);
      expect(await readFile(path.join(stage.home.root, 'vmgate.yaml'), 'utf8')).toContain('# to be learnt');
      const up = typed('up');
      await up.see(/gate default is OPEN/);
      expect(await up.end()).toBe(0);
      expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    });

    test('ssh: a shell', async () => {
      const shell = typed('ssh', WORK_VM);
      await shell.see(/# /);
      shell.type(`echo $((6 * 7)) on $(tty)${ENTER}`);
      await shell.see(/42 on \/dev\/pts/);
      shell.type(`exit 3${ENTER}`);
      expect(await shell.end()).toBe(3);
    });

    test('console: what the VM says, what is typed to it, and out again', async () => {
      const console = typed('console', WORK_VM);
      await console.see(/Ctrl-\] leaves it/);
      const listen = 'exec 3<>/dev/console; echo listening >&3; read -r line <&3; echo "heard $line" >&3';
      const inside = stage.vmgate(['ssh', WORK_VM, '--', listen]);
      await console.see(/listening/);
      console.type(`good morning${ENTER}`);
      await console.see(/heard good morning/);
      console.type(DETACH);
      await console.see(/left the console of workvm/);
      expect(await console.end()).toBe(0);
      expect(await inside).toMatchObject({ code: 0 });
      expect(await stage.workRuns()).toBe(true);
    });
  });

  describe("the system's own OpenSSH, by ssh-config", () => {
    let config: string;
    beforeAll(async () => {
      config = path.join(folder, 'ssh_config');
      await writeFile(config, (await stage.vmgate(['ssh-config'])).stdout);
    });
    const ssh = (stdin: string, ...argv: readonly string[]) =>
      run({ tool: 'ssh', argv: ['-T', '-F', config, `vmgate-${WORK_VM}`, ...argv], stdin, timeoutMs: 60_000 });

    test('bytes both ways, and the status of what ran', async () => {
      const everyByte = Array.from({ length: 4_096 }, (_, index) => String.fromCharCode(index % 128)).join('');
      expect(await ssh(everyByte, 'cat >/tmp/in && cat /tmp/in; exit 7')).toMatchObject({ code: 7, stdout: everyByte });
    });

    test('vmgate ssh passes the status on too, and says nothing of its own', async () => {
      expect(await stage.vmgate(['ssh', WORK_VM, '--', 'echo out; echo err >&2; exit 9'])).toMatchObject({
        code: 9,
        stdout: 'out\n',
        stderr: 'err\n',
      });
    });

    test('another host key than the one vmgate made is not talked to', async () => {
      const known = path.join(stage.gate.work(WORK_VM), 'ssh/known_hosts');
      const before = await readFile(known, 'utf8');
      await writeFile(known, before.replace(/AAAAC3NzaC1lZDI1NTE5AAAAI.{8}/, 'AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAA'));
      expect(await ssh('', 'true')).toMatchObject({ code: 255, stderr: expect.stringMatching(/HOST IDENTIFICATION/) });
      await writeFile(known, before);
      expect(await ssh('', 'true')).toMatchObject({ code: 0 });
    });
  });
});
