/**
 * The gate that is drilled, from the user's own vmgate.yaml: how often and how it is verified, how many work VMs it has,
 * and what a close does to them. Its VPN is the lab's, with keys that were made for this lab: no profile is opened.
 */
import type { Config } from '../config/index.ts';
import { LAB } from '../lab/index.ts';
import type { GateOfDrill } from './ground.ts';

export interface Setup extends GateOfDrill {
  /** For the report: what is as in the user's file, and what is not. One sentence each. */
  readonly notes: readonly string[];
}

/** The one that talks, then those that are only there, with links of their own. */
const NAMES = ['workvm', 'other', 'third', 'fourth'] as const;
/** Some attempts are about a neighbour. */
const LEAST = 2;

/** @param config undefined: there is no vmgate.yaml */
export function setupFrom(config: Config | undefined): Setup {
  const wanted = config?.work.length ?? 1;
  const count = Math.min(NAMES.length, Math.max(LEAST, wanted));
  const [first, ...others] = NAMES;
  const workVms = [first, ...others.slice(0, count - 1)] as const;
  const onLoss = (index: number) => config?.work[index]?.onLoss ?? 'block';
  const work = workVms.map((name, index) => {
    // A work VM that is shut down says nothing any more.
    return [name, { template: 'tiny', onLoss: onLoss(index) === 'stop' ? 'block' : onLoss(index) }] as const;
  });
  const file = {
    version: 1,
    vpn: 'lab',
    notify: false,
    verify: {
      ...exitOf(config),
      ...(config === undefined ? {} : { every: `${config.verify.everyMs}ms`, maxAge: `${config.verify.maxAgeMs}ms` }),
    },
    work: Object.fromEntries(work),
  };
  // JSON is YAML.
  return { config: `${JSON.stringify(file)}\n`, workVms, notes: notesOn(config, wanted, count) };
}

function exitOf(config: Config | undefined): object {
  const expectation = config === undefined ? 'address' : config.verify.exit?.expect.kind;
  switch (expectation) {
    case 'address':
      return { exit: { url: `https://${LAB.siteName}/`, expect: [`${LAB.exit}/32`] } };
    case 'json':
      return { exit: { url: `https://${LAB.siteName}/json`, expect: { json: { vpn: true } } } };
    case undefined:
      return {};
  }
}

function notesOn(config: Config | undefined, wanted: number, count: number): string[] {
  const lab = "The VPN is the lab's WireGuard server, with keys made for this drill";
  const uplink = 'The uplink is a wire into the lab with DHCP, where every frame is seen and a neighbour can lie.';
  if (config === undefined) return [`No vmgate.yaml here: a gate as \`vmgate init\` makes it. ${lab}.`, uplink];
  const { everyMs, maxAgeMs, exit } = config.verify;
  const claim = { address: 'an address', json: 'a JSON field', none: 'nothing' }[exit?.expect.kind ?? 'none'];
  return [
    `As in your vmgate.yaml: verified every ${everyMs / 1_000} s, good for ${maxAgeMs / 1_000} s, the exit is known by ${claim}.`,
    `${lab}; your own profiles (${config.vpn.join(', ')}) were not opened.`,
    uplink,
    ...(wanted > count ? [`${count} of your ${wanted} work VMs have a link here.`] : []),
    ...(config.work.some(({ onLoss }) => onLoss === 'stop')
      ? ['onLoss: stop is drilled as block: a work VM that is shut down cannot try anything.']
      : []),
  ];
}
