/** Which VPN profiles a vmgate.yaml may name: one, several in order, or a chain; what they do together is judged in failover.ts. */
import * as z from 'zod';
import { MAX_HOPS } from '../core/policy/chain.ts';

const MAX_VPNS = 8;

const vpnName = z
  .string({
    error: ({ input }) =>
      typeof input === 'object' && input !== null
        ? 'must be the name of a profile: neither a list nor a chain has a place inside another'
        : undefined,
  })
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, { error: 'must be the name of a profile, as `vmgate vpn list` shows it' });

const chain = z
  .strictObject({
    chain: z
      .array(vpnName)
      .min(2, { error: 'must have at least 2 profiles: one alone is written as vpn: NAME' })
      .max(MAX_HOPS, { error: `must have at most ${MAX_HOPS} profiles` }),
  })
  .meta({ description: 'profiles that run inside one another, the outermost first' });

export const vpn = z.union([vpnName, z.array(vpnName).min(1).max(MAX_VPNS), chain], {
  error: `must be the name of a profile, a list of 1 to ${MAX_VPNS} names that are tried in order, or {chain: [FIRST, .., LAST]}`,
});

export const failover = z
  .strictObject({
    equivalent: z.array(vpnName).min(2).max(MAX_VPNS).optional().meta({
      description: 'profiles of `vpn` that are as good as one another: what is sent for one may go by another',
    }),
    leaky: z
      .boolean()
      .optional()
      .meta({ description: 'profiles that are not equivalent may take the place of one another too' }),
  })
  .meta({ description: 'what has to be said before another profile of a list takes the place of one that fails' });
