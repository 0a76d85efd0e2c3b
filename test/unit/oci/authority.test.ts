import { expect, test } from '@jest/globals';
import { Authority } from '../../../src/oci/authority.ts';
import { type Answer, Wire } from '../../../src/oci/wire.ts';

/** The client asks only for hops that never left the registry; this is the wall behind that one. */
test('what was got for a registry is shown to its own origin only', async () => {
  const origin = new URL('https://registry.example.com');
  const authority = new Authority({
    origin,
    repository: 'team/dev',
    wire: new Wire(),
    login: () => Promise.resolve({ username: 'ann', password: 'secret' }),
    tokenHost: undefined,
    nowMs: () => 0,
  });
  const refused = { headers: { 'www-authenticate': 'Basic realm="r"' } } as Answer;
  expect(await authority.answer(refused, 'pull')).toBe(true);
  const shown = (url: string, right: 'pull' | 'push' = 'pull') => authority.headersFor(new URL(url), right);
  expect(shown('https://registry.example.com/v2/x')).toEqual({ authorization: 'Basic YW5uOnNlY3JldA==' });
  for (const other of [
    'http://registry.example.com/v2/x',
    'https://registry.example.com:8443/',
    'https://cdn.registry.example.com/',
    'https://registry.example.com.evil.test/',
  ]) {
    expect(shown(other)).toEqual({});
  }
  expect(shown('https://registry.example.com/', 'push')).toEqual({});
});
