import { wallMs } from '../../host/index.ts';
import type { ProfileReader } from '../kind.ts';
import { companionNames } from './companions.ts';
import { planOpenVpn } from './plan.ts';
import { readDirectives } from './syntax.ts';

export const openvpnReader: ProfileReader = {
  companions: (profile, file) => companionNames(readDirectives(profile, file).directives),
  plan: (profile, file, options, companions) => planOpenVpn(profile, file, options, companions, wallMs()),
};
