/**
 * The demo's story: what vmgate is for, step by step, each step believed only when something outside vmgate's own words
 * was observed. A step that cannot be observed ends the story: the demo then fails.
 */
import { randomBytes } from 'node:crypto';
import { LAB } from '../lab/index.ts';
import type { Observed, Stagehand } from './stagehand.ts';

export interface Step {
  readonly title: string;
  /** Plays the step. @throws NotObserved */
  readonly play: (hand: Stagehand) => Promise<Observed>;
}

/** A step whose claim did not show. */
export class NotObserved extends Error {
  override readonly name = 'NotObserved';
}

/** Fresh for each run, so that no log line of another run can stand in for this one's. */
export interface Nonces {
  readonly open: string;
  readonly dead: string;
  readonly again: string;
}

export function newNonces(): Nonces {
  const nonce = (word: string) => `${word}-${randomBytes(8).toString('hex')}`;
  return { open: nonce('open'), dead: nonce('dead'), again: nonce('again') };
}

export function story(nonces: Nonces): readonly Step[] {
  return [
    {
      title: 'Without a proven tunnel the work VM does not start',
      play: async (hand) => {
        const { code, fault } = await hand.vmgate('start', hand.workVm);
        expect(code === 4, `vmgate start ended with ${code}, not 4`);
        expect(fault === 'GATE_NOT_VERIFIED', `the reason was ${fault || 'not given'}`);
        expect(!(await hand.workRuns()), 'a work VM process exists');
        return { saw: 'exit 4, GATE_NOT_VERIFIED, and no work VM process' };
      },
    },
    {
      title: 'vmgate up: gateway, tunnel, nine checks',
      play: async (hand) => {
        const { code } = await hand.vmgate('up');
        expect(code === 0, `vmgate up ended with ${code}`);
        const { phase, claim } = await hand.status();
        expect(phase === 'open', `the gate is ${phase}`);
        expect(claim === LAB.exit, `the proven exit is ${claim ?? 'none'}`);
        return { saw: `the gate is open, traffic comes out at ${claim}` };
      },
    },
    {
      title: 'Now it starts, and its traffic comes out at the VPN',
      play: async (hand) => {
        const { code } = await hand.vmgate('start', hand.workVm);
        expect(code === 0, `vmgate start ended with ${code}`);
        await hand.inside(`wget -q -T 10 -O - http://${LAB.siteName}/${nonces.open}`);
        const source = await hand.requestFrom(nonces.open);
        expect(source === LAB.exit, `the request was logged from ${source ?? 'nobody'}`);
        await hand.inside(retryFor(nonces.dead, 'during'));
        return { saw: `the server logged /${nonces.open} from ${source}` };
      },
    },
    {
      title: 'The VPN server dies: the work VM has no way out, though it tries',
      play: async (hand) => {
        const before = await hand.leaks();
        await hand.server('down');
        await hand.until('the gate closed', async () => (await hand.status()).phase !== 'open');
        await hand.forget(nonces.dead);
        // Its own time to try: three of its attempts.
        await hand.wait(3_000);
        expect((await hand.requestFrom(nonces.dead)) === undefined, 'a request got out');
        expect((await hand.leaks()) === before, 'the untrusted network saw something in clear');
        const { code } = await hand.vmgate('start', hand.workVm);
        expect(code === 4, `vmgate start ended with ${code}, not 4`);
        return { saw: 'gate closed by itself, no request arrived, nothing in clear' };
      },
    },
    {
      title: 'The VPN returns, and so does the work VM: the same one',
      play: async (hand) => {
        const pid = await hand.workPid();
        await hand.server('up');
        await hand.until('the gate opened again', async () => (await hand.status()).phase === 'open');
        await hand.until('the work VM got through', async () => (await hand.requestFrom(nonces.dead)) === LAB.exit);
        expect((await hand.workPid()) === pid, 'the work VM was restarted');
        const tried = Number((await hand.inside(countOf('during'))).trim());
        expect(tried > 0, 'the work VM never failed, so it never tried while the tunnel was dead');
        return { saw: `open again, same process ${pid}, ${tried} failed tries inside while it was closed` };
      },
    },
    {
      title: 'The evidence: what left this machine',
      play: async (hand) => {
        const [guard, lab] = await hand.counts();
        expect(guard.foreign === 0 && lab.foreign === 0, `foreign frames: guard ${guard.foreign}, lab ${lab.foreign}`);
        expect(guard.tunnel > 0, 'nothing was counted, so the counts prove nothing');
        for (const kind of ['arp', 'tunnel'] as const) {
          expect(guard[kind] === lab[kind], `${kind}: guard ${guard[kind]}, lab ${lab[kind]}`);
        }
        return { saw: `tunnel ${guard.tunnel}, arp ${guard.arp}, foreign 0; the lab counted the same` };
      },
    },
    {
      title: 'Everything is taken down, nothing is left',
      play: async (hand) => {
        const { code } = await hand.vmgate('down');
        expect(code === 0, `vmgate down ended with ${code}`);
        await hand.endLab();
        const left = await hand.leftovers();
        expect(left.length === 0, `left behind: ${left.join(', ')}`);
        return { saw: 'no process, no socket, no file' };
      },
    },
  ];
}

function expect(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new NotObserved(otherwise);
}

/** A loop inside the work VM that asks for `nonce` each second and writes a line for each failure. Fixed text, no input. */
function retryFor(nonce: string, file: string): string {
  const once = `wget -q -T 1 -O /dev/null http://${LAB.site}/${nonce} || echo failed >> /tmp/${file}`;
  return `(while :; do ${once}; sleep 1; done) </dev/null >/dev/null 2>&1 &`;
}

function countOf(file: string): string {
  return `cat /tmp/${file} 2>/dev/null | wc -l`;
}
