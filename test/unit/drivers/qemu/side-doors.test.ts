/**
 * What vmgate.yaml and templates may say freely (paths, the kernel's command line) stays one value of one option, whatever
 * is in it: no text becomes an option of QEMU.
 *
 * @leakCase 50 none: a path or a kernel's command line with QEMU's own syntax in it adds no option, card, disk or device
 */
import { describe, expect, test } from '@jest/globals';
import { type Capabilities, workArgv } from '../../../../src/drivers/qemu/argv.ts';
import { option } from '../../../../src/drivers/qemu/option.ts';
import { DISK, KERNEL, SEEDED, workSpec } from '../specs.ts';

const TCG: Capabilities = { accel: 'tcg', sandbox: true };

const HOSTILE = [
  ',file=/etc/shadow',
  ',readonly=off,driver=nbd',
  ',,file=/etc/shadow',
  '-netdev',
  ' -netdev user,id=x -device e1000,netdev=x',
  '"; -virtfs local,path=/,mount_tag=x,security_model=none',
  '$HOME',
  '%s%n',
  'fat:rw:/',
  'nbd://192.0.2.1/x',
  'json:{"driver":"nbd"}',
];

/** The same with that one value taken out: of JSON as a member, of an option with its commas doubled. */
function shapeOf(argv: readonly string[], value: string): readonly string[] {
  return argv.map((argument) => {
    if (!argument.startsWith('{')) return argument.replace(value.replaceAll(',', ',,'), 'VALUE');
    const members = Object.entries(JSON.parse(argument) as Record<string, unknown>);
    return JSON.stringify(Object.fromEntries(members.map(([key, said]) => [key, said === value ? 'VALUE' : said])));
  });
}

describe.each(HOSTILE)('case 50: %j', (hostile) => {
  const named = `/home/ada/vms/x${hostile}`;

  test('in the path of a disk, an overlay, a seed', () => {
    const plain = workArgv(workSpec({ boot: { ...SEEDED, base: { path: 'VALUE', format: 'raw' } } }), TCG);
    const argv = workArgv(workSpec({ boot: { ...SEEDED, base: { path: named, format: 'raw' } } }), TCG);
    expect(shapeOf(argv, named)).toEqual(plain);
    const over = workArgv(workSpec({ boot: { ...DISK, overlay: named } }), TCG);
    expect(shapeOf(over, named)).toEqual(workArgv(workSpec({ boot: { ...DISK, overlay: 'VALUE' } }), TCG));
    const seeded = workArgv(workSpec({ boot: { ...SEEDED, seed: named } }), TCG);
    expect(shapeOf(seeded, named)).toEqual(workArgv(workSpec({ boot: { ...SEEDED, seed: 'VALUE' } }), TCG));
  });

  test.each(['kernel', 'initramfs', 'append'] as const)('in %s', (key) => {
    const argv = workArgv(workSpec({ boot: { ...KERNEL, [key]: named } }), TCG);
    expect(argv.filter((argument) => argument === named)).toHaveLength(1);
    expect(argv.map((argument) => (argument === named ? 'VALUE' : argument))).toEqual(
      workArgv(workSpec({ boot: { ...KERNEL, [key]: 'VALUE' } }), TCG),
    );
  });
});

test('anti-test, case 50: a value whose commas are not doubled is an option more', () => {
  const careless = 'driver,filename=/x,file=/etc/shadow';
  const keys = (text: string) => text.split(/(?<!,),(?!,)/).map((part) => part.split('=')[0]);
  expect(keys(careless)).toContain('file');
  expect(keys(option('driver', { filename: '/x,file=/etc/shadow' }))).toEqual(['driver', 'filename']);
});
