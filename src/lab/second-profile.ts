/** What a client of the server behind the first one has, where that is not WireGuard: to its name, which the first one's know. */
import { LAB } from './addresses.ts';
import { ipsecProfile } from './client-profile.ts';
import type { LabLoginVpn } from './controls.ts';

/** `told`: the lab's answer, about the second server. */
export async function secondVpnProfile(
  kind: LabLoginVpn,
  told: (verb: string, ...asked: readonly string[]) => Promise<string>,
): Promise<string> {
  const { name, port } = LAB.second;
  switch (kind) {
    case 'openvpn':
      return `remote ${name} ${port}\n${await told('openvpn_profile')}`;
    case 'openconnect':
      return `server=https://${name}:${port}\n${await told('openconnect_profile')}`;
    case 'ipsec': {
      const psk = (await told('ipsec_file', 'psk')).trimEnd();
      return ipsecProfile({ address: name, port }, { auth: 'psk', psk }, name);
    }
  }
}
