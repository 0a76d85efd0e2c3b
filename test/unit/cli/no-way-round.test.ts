/**
 * P7: nothing a user can type or export takes a defence away. The command tree is walked whole, every environment read is
 * known by name, and of all commands only the demo and the drills may reach the lab, whose passes can.
 */
import { describe, expect, test } from '@jest/globals';
import { CATALOG } from '../../../src/cli/catalog.ts';
import { type Command, GLOBAL_OPTIONS } from '../../../src/cli/command.ts';
import { everyCommand } from '../../../src/cli/run.ts';
import { importsOf, type Source, sources } from '../house/sources.ts';

/** Words of flags that would open, skip, weaken or lengthen something. `--force` ends or overwrites; see below. */
const LOOSENING =
  /skip|insecure|no-(?!color)|unsafe|disable|allow|ignore|without|trust-|bypass|lab|pass\b|max-age|lease|timeout|guard|check|verify|unverified|any|raw|qemu|arg|expose|hostfwd|proxy|cert|ca\b|env/;

/** `--force`: what it may mean, and where. */
const FORCES: Readonly<Record<string, string>> = {
  stop: 'do not ask the VM, end it',
  init: 'write over a vmgate.yaml that is there',
};

/** Flags that open something, and what alone: the way to a portal, which carries no tunnel and no work VM. */
const OPENING: readonly string[] = ['portal --allow'];

/** Reach the lab by right. */
const LAB_COMMANDS = ['demo', 'drill'];

const commands = await everyCommand();
const flagsOf = ({ options }: Command) => [...(options ?? []), ...GLOBAL_OPTIONS].map(({ flags }) => flags);

describe('the command tree', () => {
  test('is walked whole', () => {
    expect(commands.map(({ name }) => name)).toEqual(Object.keys(CATALOG));
    expect(commands.length).toBeGreaterThan(20);
  });

  test.each(commands.map((command) => ({ name: command.name, command })))(
    'vmgate $name has no flag that loosens',
    ({ command }) => {
      const wrong = flagsOf(command).filter((flags) => {
        const bare = flags.replaceAll(/<[^>]*>/g, '').trim();
        return LOOSENING.test(bare) && !OPENING.includes(`${command.name} ${bare}`);
      });
      expect(wrong).toEqual([]);
    },
  );

  test('--force never opens anything', () => {
    const forced = commands.flatMap(({ name, options }) =>
      (options ?? []).filter(({ flags }) => flags.includes('--force')).map(({ about }) => [name, about] as const),
    );
    expect(Object.fromEntries(forced)).toMatchObject(
      Object.fromEntries(Object.keys(FORCES).map((name) => [name, expect.any(String)])),
    );
    expect(forced.length).toBe(Object.keys(FORCES).length);
  });
});

describe('reach', () => {
  const all = sources();
  const byFile = new Map(all.map((source) => [source.file, source]));

  /** Every file a command loads at run time, lazily or not. */
  function reachedFrom(start: Source): ReadonlySet<string> {
    const seen = new Set<string>();
    const queue = [start];
    for (let source = queue.pop(); source !== undefined; source = queue.pop()) {
      if (seen.has(source.file)) continue;
      seen.add(source.file);
      for (const { target, typeOnly } of importsOf(source)) {
        const next = typeOnly ? undefined : byFile.get(target);
        // The registry that help and completion are made of leads to every command there is.
        if (next !== undefined && target !== 'src/cli/catalog.ts' && target !== 'src/cli/run.ts') queue.push(next);
      }
    }
    return seen;
  }

  const commandFiles = all.filter(({ file }) => file.startsWith('src/cli/commands/'));

  test('every command’s file is looked at', () => {
    expect(commandFiles.length).toBeGreaterThanOrEqual(commands.length);
    const up = byFile.get('src/cli/commands/up.ts');
    expect(up).toBeDefined();
    if (up !== undefined) expect(reachedFrom(up).size).toBeGreaterThan(20);
  });

  test.each(commandFiles.map((source) => ({ file: source.file, source })))(
    '$file does not reach the lab',
    ({ file, source }) => {
      const name = file.slice('src/cli/commands/'.length, -'.ts'.length);
      if (LAB_COMMANDS.includes(name)) return;
      const lab = [...reachedFrom(source)].filter((reached) => /^src\/(lab|demo|drill)\//.test(reached));
      expect(lab).toEqual([]);
    },
  );
});
