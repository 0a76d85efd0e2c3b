/** Findings about what vmgate keeps on this machine: home folder, images, profiles, configuration, gates. */
import { readdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { ageText, daysSince } from '../../core/age.ts';
import { VmgateError } from '../../core/coded.ts';
import { type HomeLayout, homeRoot, readLock } from '../../home/index.ts';
import { findTool, hostPlatform, installLine, wallMs } from '../../host/index.ts';
import { findImage, findPackaged, type ImageKind, type StoredImage } from '../../image/index.ts';
import { SupervisorClient } from '../../supervisor/index.ts';
import { listProfiles } from '../../vpn/index.ts';
import { loadProject } from '../project-config.ts';
import { requireConfirmed } from '../project-files.ts';
import { anythingRuns } from '../running-gate.ts';
import { type Examination, type Finding, faulty, note, ok, wrong } from './finding.ts';

/** What building both images takes, and what running two small VMs may grow to. */
const NEEDED_BYTES = 450_000_000;
const COMFORTABLE_BYTES = 2_000_000_000;

export function installationExaminations(home: HomeLayout, cwd: string): readonly Examination[] {
  return [
    async () => [homeFinding(home)],
    async () => [await spaceFinding(home.root)],
    () => imageFindings(home.images),
    () => profileFindings(home.vpn),
    () => configFindings(home, cwd),
    () => gateFindings(home),
  ];
}

function homeFinding(home: HomeLayout): Finding {
  const written = homeRoot();
  if (home.root === written) return ok('home', written);
  const why = 'socket paths below it would be longer than systems allow';
  return note('home', `${written} is used under the short name ${home.root}`, why, 'nothing to do');
}

async function spaceFinding(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const shown = `${(free / 1e9).toFixed(1)} GB free in ${folder}`;
  if (free >= COMFORTABLE_BYTES) return ok('space', shown);
  const why = 'images, overlays of work VMs and logs need room';
  const fix = 'free some space there';
  return free < NEEDED_BYTES ? wrong('space', shown, why, fix) : note('space', shown, why, fix);
}

const PURPOSE: Readonly<Record<'gateway' | 'tiny', string>> = {
  gateway: 'it is the machine that holds VPN and firewall',
  tiny: 'work VMs with template: tiny boot it',
};

async function imageFindings(folder: string): Promise<readonly Finding[]> {
  const kinds = Object.keys(PURPOSE) as (keyof typeof PURPOSE)[];
  const found = await Promise.all(kinds.map((kind) => imageFinding(folder, kind, PURPOSE[kind])));
  const missing = ['mmdebstrap', 'zstd'].filter((tool) => findTool(tool) === undefined);
  if (found.every(({ state }) => state === 'ok') || missing.length === 0) return found;
  const why = 'images are built with it, where Docker is not at hand';
  return [...found, ...missing.map((tool) => note(tool, `${tool} is not installed`, why, installLine(tool)))];
}

async function imageFinding(folder: string, kind: ImageKind, why: string): Promise<Finding> {
  const { arch } = hostPlatform();
  const id = `image-${kind}`;
  try {
    const image = await findImage(folder, kind, arch);
    if (image !== undefined) return aged(id, image);
    const packaged = kind === 'gateway' ? findPackaged(arch) : undefined;
    if (packaged !== undefined) return ok(id, `${kind} ${arch} ${packaged.digest.slice(0, 19)}, installed with vmgate`);
    const fix = `vmgate image build ${kind}`;
    return kind === 'gateway'
      ? wrong(id, `there is no ${kind} image`, why, fix)
      : note(id, `there is no ${kind} image`, why, fix);
  } catch (cause) {
    return faulty(id, cause, why);
  }
}

/** Debian mends a stable release every two months, and in between what is urgent. */
const OLD_DAYS = 90;

function aged(id: string, { digest, manifest }: StoredImage): Finding {
  const { kind, arch, newestPackage } = manifest;
  const shown = `${kind} ${arch} ${digest.slice(0, 19)}`;
  if (newestPackage === undefined) return ok(id, `${shown}, age unknown`);
  const days = daysSince(newestPackage, wallMs());
  const text = `${shown}, packages of ${newestPackage} (${ageText(days)})`;
  if (days <= OLD_DAYS) return ok(id, text);
  const why = `no package in it is newer than ${OLD_DAYS} days: what Debian has mended since is not in it`;
  return note(id, text, why, `on a network that you trust: vmgate image build ${kind}`);
}

async function profileFindings(folder: string): Promise<readonly Finding[]> {
  const profiles = await listProfiles(folder);
  if (profiles.length === 0)
    return [note('vpn', 'no VPN profile yet', 'a gate connects by one', 'vmgate vpn add NAME FILE')];
  const broken = profiles.filter((profile) => 'fault' in profile);
  return [
    ok('vpn', `${profiles.length - broken.length} usable VPN profile(s)`),
    ...broken.map(({ name, fault }) => faulty('vpn', fault, `the profile ${name} cannot be used`)),
  ];
}

async function configFindings(home: HomeLayout, cwd: string): Promise<readonly Finding[]> {
  try {
    const loaded = await loadProject(cwd, home);
    await requireConfirmed(home, loaded);
    return [ok('config', loaded.path)];
  } catch (cause) {
    const finding = faulty('config', cause, 'it says which VPN and which work VMs');
    return [VmgateError.is(cause) && cause.code === 'CONFIG_MISSING' ? { ...finding, state: 'note' } : finding];
  }
}

async function gateFindings(home: HomeLayout): Promise<readonly Finding[]> {
  const names = readdirSync(home.gates).filter((name) => /^[a-z][a-z0-9-]*$/.test(name));
  return (await Promise.all(names.map((name) => gateFinding(home, name)))).flat();
}

async function gateFinding(home: HomeLayout, name: string): Promise<readonly Finding[]> {
  const layout = home.gate(name);
  try {
    const client = await SupervisorClient.connect(name, layout);
    client?.close();
    if (client !== undefined) return [ok('gate', `${name} has its supervisor`)];
  } catch (cause) {
    return [faulty('gate', cause, 'nothing can leave, and nothing answers either')];
  }
  const runs = (await readLock(layout.lock)) === undefined && (await anythingRuns(layout));
  const why = 'left by a supervisor that ended; nothing of it can leave, but it takes memory';
  return runs ? [wrong('gate', `VMs of gate ${name} run without a supervisor`, why, `vmgate down --gate ${name}`)] : [];
}
