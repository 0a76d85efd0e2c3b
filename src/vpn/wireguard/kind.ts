import type { VpnKind } from '../kind.ts';
import { planWireGuard } from './plan.ts';

export const wireguard: VpnKind = {
  label: 'WireGuard',
  takesLogin: false,
  // wg compares names without case and lets white space stand inside the brackets.
  recognises: (line) => /^\[\s*(interface|peer)\s*\]/i.test(line),
  companions: () => [],
  plan: planWireGuard,
};
