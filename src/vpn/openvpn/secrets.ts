/** The secret half of an OpenVPN profile. */
import { type Seal, seal, type WithLogin } from '../sealed.ts';
import type { TunnelSecrets } from '../tunnel-plan.ts';
import { quoted, renderConfig } from './config.ts';
import type { OpenVpnSettings } from './settings.ts';

/** The configuration; behind `--- login` the management interface's orders that answer its question for a login. */
const OPENVPN: Seal<WithLogin<OpenVpnSettings>> = {
  kind: 'openvpn',
  render: ({ settings, login, code }, { protocol = 'udp', ...pinned }, localPort, mark) => {
    const answers =
      login === undefined
        ? []
        : [`username "Auth" ${quoted(login.user)}`, `password "Auth" ${quoted(passwordWith(login.password, code))}`];
    const config = renderConfig(settings, { ...pinned, protocol, localPort, mark });
    return `${config}--- login\n${answers.map((line) => `${line}\n`).join('')}`;
  },
  withCode: (keys, code) => ({ ...keys, code }),
};

export function sealOpenVpn(keys: WithLogin<OpenVpnSettings>): TunnelSecrets {
  return seal(OPENVPN, keys);
}

/** Password and code in one, as a server with a static challenge takes them (management-notes.txt, 2.6, SCRV1). */
function passwordWith(password: string, code: string | undefined): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return code === undefined ? password : `SCRV1:${base64(password)}:${base64(code)}`;
}
