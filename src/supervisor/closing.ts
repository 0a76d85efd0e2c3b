/** Runners of the closing order. The guard comes first and is told synchronously; these three follow, a second each. */
import { cutShort } from './codes.ts';
import type { Runners } from './loop.ts';
import type { World } from './world.ts';

export function closingRunners(
  world: World,
): Pick<Runners, 'disarmGuard' | 'dropLeases' | 'lowerLinks' | 'lowerLink' | 'flushConntrack'> {
  const unlease = async () => {
    // Without a control channel there is no gateway that could hold a lease: it is killed next.
    await world.session?.control.unlease();
  };
  return {
    disarmGuard: () => {
      world.attempt.abort(cutShort());
      world.attempt = new AbortController();
      world.session?.guard.disarm();
      world.outlets.cut();
      return undefined;
    },
    dropLeases: async ({ generation }) => {
      await unlease();
      return { type: 'closeStep', step: 'dropLeases', generation };
    },
    lowerLinks: async ({ generation }) => {
      await Promise.all([...world.works.values()].map((work) => work.setLink(false)));
      return { type: 'closeStep', step: 'lowerLinks', generation };
    },
    lowerLink: async ({ name }) => {
      await world.works.get(name)?.setLink(false);
      return undefined;
    },
    // Again: what the work VM sent between the lease's end and its link's end must not leave a state behind.
    flushConntrack: async ({ generation }) => {
      await unlease();
      return { type: 'closeStep', step: 'flushConntrack', generation };
    },
  };
}
