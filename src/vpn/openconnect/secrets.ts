/** The secret half of an OpenConnect profile, sealed: only `reveal` shows it, and only the gateway's stdin should see that. */
import type { ProfileLogin } from '../kind.ts';
import { SealedSecrets } from '../sealed.ts';
import type { TunnelSecrets } from '../tunnel-plan.ts';
import { renderFiles } from './config.ts';
import type { OpenConnectSettings } from './parse.ts';

export interface OpenConnectKeys {
  readonly settings: OpenConnectSettings;
  readonly login: ProfileLogin | undefined;
  /** A one-time code. */
  readonly code?: string;
}

/** Wraps the keys so that printing, spreading, cloning or serializing the result cannot show them. */
export function sealOpenConnect(keys: OpenConnectKeys): TunnelSecrets {
  return new SealedOpenConnect(keys);
}

class SealedOpenConnect extends SealedSecrets {
  readonly kind = 'openconnect';
  readonly #keys: OpenConnectKeys;

  constructor(keys: OpenConnectKeys) {
    super();
    this.#keys = keys;
  }

  /** Files, each behind `--- file NAME`. */
  readonly reveal: TunnelSecrets['reveal'] = ({ address }, localPort) => {
    const { settings, login, code } = this.#keys;
    const answers = login === undefined ? undefined : { ...login, code };
    return [...renderFiles(settings, answers, { address, localPort })]
      .map(([name, text]) => `--- file ${name}\n${text}`)
      .join('');
  };

  override withCode(code: string): TunnelSecrets {
    return new SealedOpenConnect({ ...this.#keys, code });
  }
}
