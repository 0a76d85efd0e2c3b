/** A last line that counts the seconds of a long step, on a terminal only; elsewhere the events themselves tell. */
import { monotonicMs } from '../host/index.ts';
import type { Output } from './output.ts';

export interface Elapsed {
  /** `tell` with the counting line out of its way. */
  readonly through: <T>(tell: (value: T) => void) => (value: T) => void;
  readonly end: () => void;
}

const TICK_MS = 1_000;
/** What is done sooner needs no clock. */
const QUIET_MS = 1_500;

export function elapsed(out: Output, doing: string): Elapsed {
  const began = monotonicMs();
  const draw = () => {
    const passed = monotonicMs() - began;
    if (passed >= QUIET_MS) out.transient(`${doing}: ${Math.floor(passed / 1_000)} s`);
  };
  const timer = out.redraws ? setInterval(draw, TICK_MS) : undefined;
  return {
    through: (tell) => (value) => {
      out.transient('');
      tell(value);
    },
    end: () => {
      clearInterval(timer);
      out.transient('');
    },
  };
}
