import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { loadTemplateFolder } from '../../../src/template/index.ts';
import { rejectionOf } from '../faults.ts';
import { temporaryFolders } from '../home/temp-folder.ts';

const exec = promisify(execFile);
const temporary = temporaryFolders();
const load = (folder: string) => loadTemplateFolder('/', folder, '0.1.0');

/** Leaves the socket's file: whoever bound it may be gone. */
async function listenIn(file: string): Promise<void> {
  const bind = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  await exec(process.execPath, ['-e', bind, file]).catch(() => undefined);
}

function folder(): string {
  const place = temporary();
  writeFileSync(path.join(place, 'template.yaml'), 'version: 1\nkind: gate\nname: dev\n');
  return place;
}

test('plain files with their modes, hidden ones at the top left out', async () => {
  const place = folder();
  mkdirSync(path.join(place, '.git'));
  writeFileSync(path.join(place, '.git/config'), 'PrivateKey = x');
  mkdirSync(path.join(place, 'docs'));
  writeFileSync(path.join(place, 'docs/run'), '');
  chmodSync(path.join(place, 'docs/run'), 0o755);
  const { files } = await load(place);
  expect(files.map(({ path: name, executable }) => [name, executable])).toEqual([
    ['docs/run', true],
    ['template.yaml', false],
  ]);
});

test.each([
  ['a link to a file', (place: string) => symlinkSync('/etc/passwd', path.join(place, 'x')), 'it is a link'],
  ['a link to a folder', (place: string) => symlinkSync('/etc', path.join(place, 'x')), 'it is a link'],
  ['a pipe', async (place: string) => exec('mkfifo', [path.join(place, 'x')]), 'not a plain file'],
  ['a socket', async (place: string) => listenIn(path.join(place, 'x')), 'not a plain file'],
  ...(process.getuid?.() === 0
    ? ([
        [
          'a device',
          async (place: string) => exec('mknod', [path.join(place, 'x'), 'c', '1', '5']),
          'not a plain file',
        ],
      ] as const)
    : []),
  ['a large file', (place: string) => writeFileSync(path.join(place, 'x'), Buffer.alloc(1_048_577)), '1048576'],
  ['an odd name', (place: string) => writeFileSync(path.join(place, 'a b'), ''), 'other characters'],
  ['a tower', (place: string) => mkdirSync(path.join(place, 'a/'.repeat(20)), { recursive: true }), 'folders deep'],
])('%s is refused', async (_, make, why) => {
  const place = folder();
  await make(place);
  expect(await rejectionOf(load(place))).toMatchObject({
    code: 'TEMPLATE_FILES_REFUSED',
    what: expect.stringContaining(why),
  });
});

test('no folder, no template.yaml', async () => {
  expect(await rejectionOf(load('/no/such'))).toMatchObject({ code: 'TEMPLATE_UNREADABLE', exit: 2 });
  expect((await rejectionOf(load(temporary()))).what).toContain('it has no template.yaml');
});
