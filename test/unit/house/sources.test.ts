import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repository, sources, trackedFiles } from './sources.ts';

/**
 * Everything vmgate takes from the environment. No variable takes a defence away, loosens a check or adds a proxy
 * (P7): a new line here is a decision, not a formality.
 */
const ENVIRONMENT: Readonly<Record<string, readonly string[]>> = {
  'src/home/home.ts': ['VMGATE_HOME', 'XDG_RUNTIME_DIR'],
  // The mirror configuration of a build, for apt.
  'src/image/docker-workshop.ts': ['DOCKER_HOST'],
  'src/image/local-workshop.ts': ['APT_CONFIG'],
  // Where docker login keeps its logins.
  'src/oci/docker-login.ts': ['DOCKER_CONFIG'],
  // By table: which to hand to tools, which to delete.
  // Where windows go: of QEMU, by way of the supervisor.
  'src/host/desktop.ts': ['*'],
  'src/host/environment.ts': ['*'],
  'src/host/tools.ts': ['*'],
  // Whether versions in vmgate.lock stay (it can only make stricter); colour; for the system's ssh, the terminal's kind and the user's agent; the accelerator, for the doctor; where the
  // window of a portal's browser goes.
  'src/cli/outside.ts': [
    ...['CI', 'DISPLAY', 'NO_COLOR', 'SSH_AUTH_SOCK', 'TERM', 'VMGATE_ACCEL', 'WAYLAND_DISPLAY', 'XAUTHORITY'],
  ],
  // Handed on whole to the user's own command, with the proxy.
  'src/cli/run-through.ts': ['*'],
  // Handed on from the CLI to the process it starts, and read there.
  'src/supervisor/launch.ts': ['*'],
  'src/supervisor/process.ts': ['VMGATE_ACCEL', 'VMGATE_NOTIFY'],
};

const MAX_LINES = 300;
const all = sources();

describe('sources', () => {
  test(`no file is longer than ${MAX_LINES} lines`, () => {
    const long = all.filter(({ text }) => text.split('\n').length - 1 > MAX_LINES);
    expect(long.map(({ file, text }) => `${file}: ${text.split('\n').length - 1}`)).toEqual([]);
  });

  test('the environment is read in these places only', () => {
    const found: Record<string, readonly string[]> = {};
    for (const { file, text } of all) {
      const names = environmentReads(text);
      if (names.length > 0) found[file] = names;
    }
    expect(found).toEqual(ENVIRONMENT);
  });

  test('nothing prints past the renderers', () => {
    const wrong = all.filter(({ text }) => /\bconsole\.(log|info|warn|error|debug|table|dir|trace)\b/.test(text));
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  test('no shell, no string that becomes a command', () => {
    const wrong = all.filter(({ text }) =>
      /shell:\s*true|\bexecSync\(|\bexecFile\(|[^.\w]exec\(['"`]|\beval\(/.test(text),
    );
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  test('no names of folders that say nothing', () => {
    expect(all.filter(({ file }) => /\b(utils?|helpers?|misc|common)\b/.test(file)).map(({ file }) => file)).toEqual(
      [],
    );
  });
});

describe('tracked files', () => {
  /** Package registries go by the machine's own configuration; a host or a path of one machine is on no other. */
  const FOREIGN = [
    /registry\.npm\w*\.\w+/,
    /\b(deb|security|archive|ports)\.(debian|ubuntu)\.\w+/,
    /\/work\/(main|shared|\.\w)/,
    /"resolved": "https?:/,
  ];

  test('name no registry host and no path of one machine', () => {
    const self = 'test/unit/house/sources.test.ts';
    const wrong = trackedFiles().flatMap((file) => {
      const place = path.join(repository, file);
      if (file === self || statSync(place, { throwIfNoEntry: false })?.isFile() !== true) return [];
      const text = readFileSync(place, 'utf8');
      return FOREIGN.flatMap((pattern) => pattern.exec(text)?.[0] ?? []).map((hit) => `${file}: ${hit}`);
    });
    expect(wrong).toEqual([]);
  });
});

/** Names read off `process.env`, or off an `env` handed in; `*` for the whole of it. */
function environmentReads(text: string): readonly string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '');
  if (!/process\.env\b/.test(code)) return [];
  const named = [...code.matchAll(/\benv(?:\.([A-Z]\w*)|\[['"](\w+)['"]\])/g)].map(
    ([, dotted, quoted]) => dotted ?? quoted,
  );
  const taken = [...code.matchAll(/\{([^{}]*)\}\s*=\s*(?:process\.)?env\b/g)].flatMap(([, inner = '']) =>
    inner.split(',').map((part) => part.split(':')[0]?.trim()),
  );
  const names = [...named, ...taken].filter((name) => name !== undefined && name !== '');
  return names.length === 0 ? ['*'] : [...new Set(names as string[])].toSorted();
}
