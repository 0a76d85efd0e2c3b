/** What work VMs' rules denied since the tunnel was last connected, as the gateway counts it: a guest's word. */
import { denialOf } from '../core/policy/index.ts';
import type { StatusReport } from './protocol.ts';
import type { World } from './world.ts';

/** One entry for each rule that denied something, with the place where it is written. */
export function denialsOf({ session, connection }: World): NonNullable<StatusReport['denied']> {
  if (session === undefined || connection === undefined) return [];
  const { plan, config } = session;
  return Object.entries(connection.counters).flatMap(([counter, { packets }]) => {
    const denial = denialOf(counter);
    const work = plan.work.find(({ ifname }) => ifname === denial?.ifname)?.workVm;
    if (denial === undefined || work === undefined || packets === 0) return [];
    const places = config.egressPlaces[work];
    const place = denial.rule === 'rest' ? places?.whole : places?.rules[denial.rule];
    return place === undefined ? [] : [{ work, ...place, otherwise: denial.rule === 'rest', packets }];
  });
}
