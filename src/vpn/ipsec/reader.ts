import { wallMs } from '../../host/index.ts';
import type { ProfileReader } from '../kind.ts';
import { planIpsec } from './plan.ts';

export const ipsecReader: ProfileReader = {
  companions: () => [],
  plan: (profile, file, options) => planIpsec(profile, file, options, wallMs()),
};
