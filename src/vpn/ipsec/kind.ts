import { wallMs } from '../../host/index.ts';
import type { VpnKind } from '../kind.ts';
import { planIpsec } from './plan.ts';

export const ipsec: VpnKind = {
  label: 'IKEv2',
  takesLogin: true,
  recognises: (line) =>
    /^kind\s*:\s*["']?ikev2["']?\s*(#.*)?$/.test(line) ||
    /^(<\?xml\s.*\?>\s*)?(<!DOCTYPE\s+plist\b.*|<plist\b.*)$/.test(line) ||
    /"type"\s*:\s*"ikev2-[a-z-]+"/.test(line),
  companions: () => [],
  plan: (profile, file, options) => planIpsec(profile, file, options, wallMs()),
};
