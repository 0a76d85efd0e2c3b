/** The secret half of an IKEv2 profile. */
import { type Seal, seal } from '../sealed.ts';
import type { TunnelSecrets } from '../tunnel-plan.ts';
import { renderFiles } from './config.ts';
import type { IkeSettings } from './settings.ts';

/** Files, each behind `--- file NAME`. */
const IPSEC: Seal<IkeSettings> = {
  kind: 'ipsec',
  render: (settings, pinned, localPort, mark) =>
    [...renderFiles(settings, { ...pinned, localPort, mark })]
      .map(([name, text]) => `--- file ${name}\n${text.trimEnd()}\n`)
      .join(''),
};

export function sealIpsec(settings: IkeSettings): TunnelSecrets {
  return seal(IPSEC, settings);
}
