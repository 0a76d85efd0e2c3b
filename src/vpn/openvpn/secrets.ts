/** The secret half of an OpenVPN profile, sealed: only `reveal` shows it, and only the gateway's stdin should see that. */
import { inspect } from 'node:util';
import type { ProfileLogin } from '../kind.ts';
import type { PlannedEndpoint, TunnelSecrets } from '../tunnel-plan.ts';
import { quoted, renderConfig } from './config.ts';
import type { OpenVpnSettings } from './settings.ts';

export interface OpenVpnKeys {
  readonly settings: OpenVpnSettings;
  readonly protocol: PlannedEndpoint['protocol'];
  readonly login: ProfileLogin | undefined;
}

const MASK = '(secret)';

/** Wraps the keys so that printing, spreading, cloning or serializing the result cannot show them. */
export function sealOpenVpn(keys: OpenVpnKeys): TunnelSecrets {
  return new SealedOpenVpn(keys);
}

class SealedOpenVpn implements TunnelSecrets {
  readonly kind = 'openvpn';
  readonly #keys: OpenVpnKeys;

  constructor(keys: OpenVpnKeys) {
    this.#keys = keys;
  }

  /** The configuration; behind `--- login` the management interface's orders that answer its question for a login. */
  readonly reveal: TunnelSecrets['reveal'] = (pinned, localPort, mark) => {
    const { settings, protocol, login } = this.#keys;
    const answers =
      login === undefined ? [] : [`username "Auth" ${quoted(login.user)}`, `password "Auth" ${quoted(login.password)}`];
    const config = renderConfig(settings, { ...pinned, protocol, localPort, mark });
    return `${config}--- login\n${answers.map((line) => `${line}\n`).join('')}`;
  };

  toJSON(): string {
    return MASK;
  }

  toString(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
