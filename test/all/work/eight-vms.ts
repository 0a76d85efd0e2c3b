/** A gate with eight tiny work VMs of different rights, and what its tests ask them. */
import type { Stage } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { statusOf } from '../../system/leaks/life-scene.ts';

/** Another site of the lab's internet. */
export const OTHER_SITE = '203.0.113.81';

/** As written in vmgate.yaml; their order decides which wire each gets. */
const RIGHTS = {
  free: '{template: tiny}',
  site: `{template: tiny, egress: [{to: ${LAB.site}/32, port: 80}]}`,
  other: `{template: tiny, egress: [{to: ${OTHER_SITE}/32}]}`,
  nothing: '{template: tiny, egress: deny}',
  asks: '{template: tiny, peers: [told]}',
  told: '{template: tiny}',
  owned: '{template: tiny}',
  late: '{template: tiny}',
} as const;
export type Vm = keyof typeof RIGHTS;

export const VMS = Object.keys(RIGHTS) as readonly Vm[];

/** What each may reach of the two sites. */
export const REACHES: Readonly<Record<Vm, readonly string[]>> = {
  free: [LAB.site, OTHER_SITE],
  site: [LAB.site],
  other: [OTHER_SITE],
  nothing: [],
  asks: [LAB.site, OTHER_SITE],
  told: [LAB.site, OTHER_SITE],
  owned: [LAB.site, OTHER_SITE],
  late: [LAB.site, OTHER_SITE],
};

export function configOf(vms: readonly Vm[]): string {
  const lines = vms.map((name) => `  ${name}: ${RIGHTS[name]}\n`);
  return `version: 1\nvpn: lab\nnotify: false\nwork:\n${lines.join('')}`;
}

/** Output of a line of shell in one of them, its errors too, whether it succeeded or not. */
export async function tell(stage: Stage, name: Vm, line: string): Promise<string> {
  const { code, stdout, stderr } = await stage.vmgate(['ssh', name, '--', `(${line}) 2>&1 || true`]);
  if (code !== 0) throw new Error(`in ${name}: ${line}: status ${code}: ${stderr.slice(-300)}`);
  return stdout;
}

/** The same in all of `vms` at once. */
export async function tellAll(
  stage: Stage,
  vms: readonly Vm[],
  line: (name: Vm) => string,
): Promise<Readonly<Partial<Record<Vm, string>>>> {
  const told = await Promise.all(vms.map(async (name) => [name, await tell(stage, name, line(name))] as const));
  return Object.fromEntries(told);
}

/** Which of the two sites accept a connection. */
export const TRY_SITES = [LAB.site, OTHER_SITE]
  .map((site) => `(timeout 15 nc ${site} 80 </dev/null >/dev/null 2>&1 && echo reached ${site}) &`)
  .concat('wait')
  .join(' ');

/** Prints a word and the address for each way in which one of `addresses` answers: tcp, ping, arp. */
export function lookFor(addresses: readonly string[]): string {
  const ways = addresses.flatMap((address) => [
    `(timeout 6 nc ${address} 22 </dev/null 2>/dev/null | grep -q SSH && echo tcp ${address}) &`,
    `(ping -c 1 -W 6 ${address} >/dev/null 2>&1 && echo ping ${address}) &`,
    `(arping -c 1 -w 3 -I eth0 ${address} 2>/dev/null | grep -q 'eply from' && echo arp ${address}) &`,
  ]);
  return [...ways, 'wait'].join(' ');
}

/** Lines as a sorted list: what runs at once ends in any order. Without what `timeout` makes the shell say. */
export function sorted(output: string | undefined): readonly string[] {
  return (output ?? '')
    .split('\n')
    .filter((line) => line !== '' && line !== 'Terminated')
    .toSorted();
}

export async function pidsOf(stage: Stage): Promise<Readonly<Record<string, number | null>>> {
  const { work } = await statusOf(stage);
  return Object.fromEntries(work.map(({ name, pid }) => [name, pid]));
}

export async function addressesOf(stage: Stage): Promise<Readonly<Record<Vm, string>>> {
  const { work } = await statusOf(stage);
  return Object.fromEntries(work.map(({ name, address }) => [name, address])) as Record<Vm, string>;
}
