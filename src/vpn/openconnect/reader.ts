import { wallMs } from '../../host/index.ts';
import type { ProfileReader } from '../kind.ts';
import { companionNames } from './material.ts';
import { planOpenConnect } from './plan.ts';
import { readSettings } from './syntax.ts';

export const openconnectReader: ProfileReader = {
  companions: (profile, file) => companionNames(readSettings(profile, file).settings),
  plan: (profile, file, options, companions) => planOpenConnect(profile, file, options, companions, wallMs()),
};
