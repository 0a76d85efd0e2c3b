import { wallMs } from '../../host/index.ts';
import type { VpnKind } from '../kind.ts';
import { companionNames } from './material.ts';
import { planOpenConnect } from './plan.ts';
import { readSettings } from './syntax.ts';

export const openconnect: VpnKind = {
  label: 'OpenConnect',
  takesLogin: true,
  recognises: (line) =>
    /^(?:server|protocol|servercert|cafile|authgroup|usergroup|resolve)[ \t]*=[ \t]*[^ \t]/.test(line) ||
    /^server[ \t]+https:\/\//.test(line) ||
    /^<(?:cafile|sslkey|AnyConnectProfile\b.*)>$/.test(line),
  companions: (profile, file) => companionNames(readSettings(profile, file).settings),
  plan: (profile, file, options, companions) => planOpenConnect(profile, file, options, companions, wallMs()),
};
