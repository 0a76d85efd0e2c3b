/** Runners for portals: the look from this machine's side, and the policy that lets somebody through to one. */
import { VmgateError } from '../core/coded.ts';
import { type Portal, readPortalUrl } from '../core/portal.ts';
import { monotonicMs } from '../host/index.ts';
import { lookForPortal, errors as portalErrors, type Reach } from '../portal/index.ts';
import { errors } from './codes.ts';
import type { Runners } from './loop.ts';
import { loadPolicy, uplinkOf } from './policy.ts';
import { sessionOf } from './session.ts';
import { SignIn } from './sign-in.ts';
import type { World } from './world.ts';

export function portalRunners(world: World): Pick<Runners, 'lookForPortal' | 'admitPortal'> {
  return {
    lookForPortal: async ({ generation }) => {
      const began = monotonicMs();
      const portal = await look(world);
      world.portal = portal;
      const found = portal && VmgateError.of(portalErrors.PORTAL_IN_THE_WAY, { url: portal.url ?? '' }).serialize();
      return { type: 'portalLooked', generation, found, tookMs: Math.round(monotonicMs() - began) };
    },
    admitPortal: async ({ generation }) => {
      const { signal } = world.attempt;
      const { control } = sessionOf(world);
      const { address, nextHop } = uplinkOf(world);
      if (address === undefined || nextHop === undefined) {
        throw VmgateError.of(errors.GATE_NO_ADDRESS, { why: 'it has none yet' });
      }
      const signIn = new SignIn(world, { generation, signal, nextHop });
      await loadPolicy(world, signIn.policy, signal);
      world.connection = undefined;
      // From here on it is taken back like a tunnel, whatever becomes of the rest.
      world.signIn = signIn;
      await control.portal();
      signal.throwIfAborted();
      return { type: 'portalAdmitted', generation };
    },
  };
}

async function look({ config, lab }: World): Promise<Portal | undefined> {
  const probe = probeOf(config?.config.portal.probe);
  if (probe === undefined) return undefined;
  if (lab === undefined) return lookForPortal(probe);
  if (lab.portalProbe === undefined) return undefined;
  const { address, port } = lab.portalProbe;
  const { connect } = await import('node:net');
  const reach: Reach = async () => connect(port, address);
  return lookForPortal(probe, { reach, offered: async () => [] });
}

/** Judged when the configuration was read. */
function probeOf(text: string | undefined): URL | undefined {
  return text === undefined ? undefined : readPortalUrl(text);
}

/**
 * Where a person said, where the portal was found, or any page that it will put itself before.
 *
 * @throws PORTAL_BAD_URL, PORTAL_NO_START
 */
export function whereToBegin(
  { config, portal }: World,
  said: string | null,
): { readonly url: URL; readonly probe: URL | undefined } {
  const probe = probeOf(config?.config.portal.probe);
  if (said !== null) {
    const url = readPortalUrl(said);
    if (url === undefined) throw VmgateError.of(portalErrors.PORTAL_BAD_URL, { url: said });
    return { url, probe };
  }
  const url = (portal?.url === undefined ? undefined : readPortalUrl(portal.url)) ?? probe;
  if (url === undefined) throw VmgateError.of(portalErrors.PORTAL_NO_START, {});
  return { url, probe };
}
