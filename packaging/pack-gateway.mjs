/**
 * npm run pack:gateway [-- --to FOLDER] [--image FOLDER]...
 *
 * Makes what is released together, in FOLDER (release/ unless said): a package for each gateway, and vmgate itself with
 * the digests of their images compiled in. The gateways are built from the packages of today, for amd64 and arm64; with
 * --image they are images that were built before (`vmgate image list --json` names their folders).
 *
 * stdout: one JSON object, `{"digests": {ARCH: DIGEST}, "files": [FILE, ...]}`.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const exec = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** What npm calls the processors. A gateway runs under any operating system that QEMU runs under. */
const CPU = { amd64: 'x64', arm64: 'arm64' };

const { values: options } = parseArgs({
  options: { to: { type: 'string', default: path.join(ROOT, 'release') }, image: { type: 'string', multiple: true } },
});
const to = path.resolve(options.to);
const draft = await mkdtemp(path.join(os.tmpdir(), 'vmgate-release-'));
try {
  await mkdir(to, { recursive: true });
  const own = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8'));
  const digests = {};
  const files = [];
  for (const folder of options.image ?? (await builtImages(Object.keys(CPU)))) {
    const { arch, digest, file } = await packGateway(folder, own);
    if (digests[arch] !== undefined) throw new Error(`${folder} is a second gateway for ${arch}`);
    digests[arch] = digest;
    files.push(file);
  }
  files.push(await packProgram(own, digests));
  process.stdout.write(`${JSON.stringify({ digests, files })}\n`);
} finally {
  await rm(draft, { recursive: true, force: true });
}

/** In a home folder that is nobody's: what is released is made of nothing that lay about. */
async function builtImages(archs) {
  const env = { ...process.env, VMGATE_HOME: path.join(draft, 'home') };
  const vmgate = (...argv) => exec(process.execPath, [path.join(ROOT, 'dist/main.js'), ...argv], { env });
  for (const arch of archs) {
    process.stderr.write(`building the gateway for ${arch}\n`);
    await vmgate('image', 'build', 'gateway', '--arch', arch);
  }
  const { images } = JSON.parse((await vmgate('image', 'list', '--json')).stdout);
  return images.map(({ folder }) => folder);
}

async function packGateway(image, { version, repository, license }) {
  const manifestFile = path.join(image, 'manifest.json');
  const manifest = await readFile(manifestFile);
  const { kind, arch, kernel, layers } = JSON.parse(manifest);
  if (kind !== 'gateway' || CPU[arch] === undefined) throw new Error(`${image} is no gateway: ${kind} for ${arch}`);
  const digest = sha256(manifest);
  const folder = path.join(draft, `gateway-${arch}`);
  const parts = [kernel, ...layers].map((part) => ({
    ...part,
    file: part === kernel ? 'kernel' : `${part.name}.cpio`,
  }));
  const contents = ['manifest.json', 'packages.lock', ...parts.map(({ file }) => file)];
  await mkdir(folder, { recursive: true });
  for (const name of contents) await cp(path.join(image, name), path.join(folder, name));
  // Of the copies: what goes out is what was looked at. Every vmgate would refuse a package with another part.
  for (const { file, digest: expected } of parts) {
    const actual = sha256(await readFile(path.join(folder, file)));
    if (actual !== expected)
      throw new Error(`${path.join(image, file)} is ${actual}, and manifest.json says ${expected}`);
  }
  const description = {
    ...{ name: `@vmgate/gateway-${arch}`, version, license: 'SEE LICENSE IN README.md' },
    ...{ description: `The gateway VM of vmgate ${version} for ${arch}`, cpu: [CPU[arch]], files: contents },
    ...(repository === undefined ? {} : { repository }),
  };
  await writeFile(path.join(folder, 'package.json'), `${JSON.stringify(description, undefined, 2)}\n`);
  await writeFile(path.join(folder, 'README.md'), readme(description, digest, license));
  return { arch, digest, file: await npmPack(folder) };
}

function sha256(content) {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function readme({ name, version }, digest, license) {
  return `# ${name}

The gateway VM of vmgate ${version}: kernel and initramfs, nothing that runs on this machine by itself. vmgate ${version}
boots it if it is \`${digest}\`, and nothing else that lies here.

It is made of packages of Debian, each with its licence, which \`packages.lock\` lists with version and digest; their
sources are Debian's source packages of these versions. What vmgate adds is under ${license}.
`;
}

/** The files of the published package, with a program that knows the gateways, and npm asked to bring the right one. */
async function packProgram(own, digests) {
  const { stdout } = await exec('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT });
  const folder = path.join(draft, own.name);
  const [{ files }] = JSON.parse(stdout);
  for (const { path: name } of files) {
    if (!name.startsWith('dist/')) await cp(path.join(ROOT, name), path.join(folder, name));
  }
  const program = [path.join(ROOT, 'packaging/build.mjs'), path.join(folder, 'dist'), JSON.stringify(digests)];
  await exec(process.execPath, program);
  const optionalDependencies = Object.fromEntries(
    Object.keys(digests).map((arch) => [`@vmgate/gateway-${arch}`, own.version]),
  );
  await writeFile(
    path.join(folder, 'package.json'),
    `${JSON.stringify({ ...own, optionalDependencies }, undefined, 2)}\n`,
  );
  return await npmPack(folder);
}

async function npmPack(folder) {
  const { stdout } = await exec('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', to], {
    cwd: folder,
  });
  const [{ filename }] = JSON.parse(stdout);
  return path.join(to, filename.replace('@vmgate/', 'vmgate-'));
}
