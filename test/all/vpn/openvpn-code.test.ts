/** A server of OpenVPN that asks for a one-time code: needed, rejected, taken, and never asked for behind anybody's back. */
import { testCode } from './code-scene.ts';

const LOGIN = { user: 'alice', password: 'open sesame' };
const CODE = '123456';
const base64 = (text: string) => Buffer.from(text).toString('base64');

testCode('openvpn', async ({ lab }) => {
  // What a server is given for name, password and code (SCRV1).
  await lab.vpnLogin('openvpn', LOGIN.user, `SCRV1:${base64(LOGIN.password)}:${base64(CODE)}`);
  await lab.openVpn('right', 'login');
  const profile = await lab.openVpnProfile(lab.endpoint);
  return { profile: `static-challenge "Code from your phone" 1\n${profile}`, login: LOGIN, code: CODE };
});
