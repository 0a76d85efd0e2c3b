import type { VpnKind } from '../kind.ts';

export const wireguard: VpnKind = {
  label: 'WireGuard',
  loginMissing: undefined,
  // wg compares names without case and lets white space stand inside the brackets.
  recognises: (line) => /^\[\s*(interface|peer)\s*\]/i.test(line),
  reader: async () => (await import('./reader.ts')).wireguardReader,
};
