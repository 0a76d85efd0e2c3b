/** The secret half of an OpenVPN profile, sealed: only `reveal` shows it, and only the gateway's stdin should see that. */
import type { ProfileLogin } from '../kind.ts';
import { SealedSecrets } from '../sealed.ts';
import type { TunnelSecrets } from '../tunnel-plan.ts';
import { quoted, renderConfig } from './config.ts';
import type { OpenVpnSettings } from './settings.ts';

export interface OpenVpnKeys {
  readonly settings: OpenVpnSettings;
  readonly login: ProfileLogin | undefined;
  /** A one-time code. */
  readonly code?: string;
}

/** Wraps the keys so that printing, spreading, cloning or serializing the result cannot show them. */
export function sealOpenVpn(keys: OpenVpnKeys): TunnelSecrets {
  return new SealedOpenVpn(keys);
}

class SealedOpenVpn extends SealedSecrets {
  readonly kind = 'openvpn';
  readonly #keys: OpenVpnKeys;

  constructor(keys: OpenVpnKeys) {
    super();
    this.#keys = keys;
  }

  /** The configuration; behind `--- login` the management interface's orders that answer its question for a login. */
  readonly reveal: TunnelSecrets['reveal'] = ({ protocol = 'udp', ...pinned }, localPort, mark) => {
    const { settings, login, code } = this.#keys;
    const answers =
      login === undefined
        ? []
        : [`username "Auth" ${quoted(login.user)}`, `password "Auth" ${quoted(passwordWith(login.password, code))}`];
    const config = renderConfig(settings, { ...pinned, protocol, localPort, mark });
    return `${config}--- login\n${answers.map((line) => `${line}\n`).join('')}`;
  };

  override withCode(code: string): TunnelSecrets {
    return new SealedOpenVpn({ ...this.#keys, code });
  }
}

/** Password and code in one, as a server with a static challenge takes them (management-notes.txt, 2.6, SCRV1). */
function passwordWith(password: string, code: string | undefined): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return code === undefined ? password : `SCRV1:${base64(password)}:${base64(code)}`;
}
