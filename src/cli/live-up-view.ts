/** `vmgate up` on a terminal: listr2 draws on stderr, the supervisor's events move it. */
import type { ListrDefaultRenderer, ListrSimpleRenderer, ListrTask } from 'listr2';
import { type CodedEvent, VmgateError } from '../core/coded.ts';
import { GATE_CHECKS } from '../core/verdict.ts';
import { escapeLine, messageOf, monotonicMs } from '../host/index.ts';
import type { Output } from './output.ts';
import type { Outside } from './outside.ts';
import { type Stage, UpStages } from './up-stages.ts';
import type { UpView } from './up-view.ts';

const TICK_MS = 1_000;
/** Below this nobody asks how long it takes. */
const QUIET_MS = 1_500;

type Task = ListrTask<unknown, ListrDefaultRenderer, ListrSimpleRenderer>;

export async function liveUpView(out: Output, { stderr }: Outside): Promise<UpView> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2');
  const stages = new UpStages();
  const warnings: CodedEvent[] = [];
  const screen = stderr as NodeJS.WriteStream;
  const list = new Listr<unknown, 'default', 'simple'>(
    [
      task('gateway boots', stages.of('gateway')),
      task('VPN connects', stages.of('vpn')),
      {
        title: 'checks',
        task: (_, self) =>
          self.newListr(
            GATE_CHECKS.map((name) => task(name, stages.of(name))),
            { concurrent: true, exitOnError: false },
          ),
      },
    ],
    {
      renderer: 'default',
      rendererOptions: {
        collapseSubtasks: false,
        collapseErrors: false,
        showErrorMessage: false,
        logger: new ListrLogger({ useIcons: false, toStderr: [], processOutput: new ProcessOutput(screen, screen) }),
      },
      // Ctrl-C is this command's own: it undoes what was begun.
      registerSignalListeners: false,
    },
  );
  const drawn = list.run().catch(() => undefined);
  return {
    onEvent: (event) => {
      stages.observe(event);
      if (event.level !== 'info') warnings.push(event);
    },
    end: async (cause) => {
      const said =
        cause === undefined ? undefined : escapeLine(VmgateError.is(cause) ? cause.what : messageOf(cause), 100);
      stages.end(said);
      await drawn;
      for (const warning of warnings) out.event(warning);
    },
  };
}

function task(title: string, { done }: Stage): Task {
  return {
    title,
    task: async (_, self) => {
      const began = monotonicMs();
      const count = setInterval(() => {
        const passed = monotonicMs() - began;
        if (passed >= QUIET_MS) self.title = `${title} (${Math.floor(passed / 1_000)} s)`;
      }, TICK_MS);
      const say = (text: string) => {
        const seconds = ((monotonicMs() - began) / 1_000).toFixed(1);
        self.title = `${title.padEnd(13)} ${seconds.padStart(5)} s${text === '' ? '' : `  ${text}`}`;
      };
      try {
        say(await done);
      } catch (cause) {
        say(messageOf(cause));
        throw cause;
      } finally {
        clearInterval(count);
      }
    },
  };
}
