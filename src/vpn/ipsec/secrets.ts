/** The secret half of an IKEv2 profile, sealed: only `reveal` shows it, and only the gateway's stdin should see that. */
import { SealedSecrets } from '../sealed.ts';
import type { TunnelSecrets } from '../tunnel-plan.ts';
import { renderFiles } from './config.ts';
import type { IkeSettings } from './settings.ts';

/** Wraps the settings so that printing, spreading, cloning or serializing the result cannot show them. */
export function sealIpsec(settings: IkeSettings): TunnelSecrets {
  return new SealedIpsec(settings);
}

class SealedIpsec extends SealedSecrets {
  readonly kind = 'ipsec';
  readonly #settings: IkeSettings;

  constructor(settings: IkeSettings) {
    super();
    this.#settings = settings;
  }

  /** Files, each behind `--- file NAME`. */
  readonly reveal: TunnelSecrets['reveal'] = (pinned, localPort, mark) =>
    [...renderFiles(this.#settings, { ...pinned, localPort, mark })]
      .map(([name, text]) => `--- file ${name}\n${text.trimEnd()}\n`)
      .join('');
}
