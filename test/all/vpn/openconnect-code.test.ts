/** A server of OpenConnect that asks for a one-time code: needed, rejected, taken, and never asked for behind anybody's back. */
import { testCode } from './code-scene.ts';

const LOGIN = { user: 'alice', password: 'open sesame' };
/** The first code of RFC 4226's example, appendix D; ocserv takes each once. */
const CODE = '755224';

testCode('openconnect', async ({ lab }) => {
  await lab.vpnLogin('openconnect', LOGIN.user, LOGIN.password);
  await lab.openConnect('code');
  const profile = await lab.openConnectProfile(lab.endpoint);
  return { profile: `challenge=Code from your phone\n${profile}`, login: LOGIN, code: CODE };
});
