import type { ProfileReader } from '../kind.ts';
import { planWireGuard } from './plan.ts';

export const wireguardReader: ProfileReader = { companions: () => [], plan: planWireGuard };
