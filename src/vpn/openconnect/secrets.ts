/** The secret half of an OpenConnect profile. */
import { type Seal, seal, type WithLogin } from '../sealed.ts';
import type { TunnelSecrets } from '../tunnel-plan.ts';
import { renderFiles } from './config.ts';
import type { OpenConnectSettings } from './parse.ts';

/** Files, each behind `--- file NAME`. */
const OPENCONNECT: Seal<WithLogin<OpenConnectSettings>> = {
  kind: 'openconnect',
  render: ({ settings, login, code }, { address }, localPort) => {
    const answers = login === undefined ? undefined : { ...login, code };
    return [...renderFiles(settings, answers, { address, localPort })]
      .map(([name, text]) => `--- file ${name}\n${text}`)
      .join('');
  },
  withCode: (keys, code) => ({ ...keys, code }),
};

export function sealOpenConnect(keys: WithLogin<OpenConnectSettings>): TunnelSecrets {
  return seal(OPENCONNECT, keys);
}
