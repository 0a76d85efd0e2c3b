import { readFileSync } from 'node:fs';
import type { CodedEvent } from '../../core/coded.ts';
import { readJournal } from '../../home/index.ts';
import { escapeBlock, escapeLine } from '../../host/index.ts';
import { type Command, type Context, flag, text } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf } from '../gate-access.ts';
import { requireUp } from '../gate-up.ts';
import { positiveInteger } from '../numbers.ts';

const DEFAULT_LINES = 50;

export const logs: Command = {
  name: 'logs',
  group: 'Look',
  about: 'what happened here, and what the parts wrote',
  kind: 'query',
  options: [
    GATE_OPTION,
    { flags: '-n, --lines <COUNT>', about: `the last ones only; ${DEFAULT_LINES} unless said` },
    { flags: '-f, --follow', about: 'go on with what happens now, until Ctrl-C' },
    { flags: '--gateway', about: "the gateway's own log instead" },
    { flags: '--supervisor', about: "the supervisor's own log instead" },
  ],
  examples: ['vmgate logs', 'vmgate logs --follow', 'vmgate logs --gateway -n 200', 'vmgate logs --json | jq .events'],
  run: async (context, input) => {
    const most = positiveInteger('--lines', text(input, 'lines'), DEFAULT_LINES);
    const gate = await gateOf(context, input);
    if (flag(input, 'gateway')) return written(context, 'gateway', await gatewayLog(gate), most);
    if (flag(input, 'supervisor')) return written(context, 'supervisor', supervisorLog(gate), most);
    const events = readJournal(gate.layout.journal, most);
    if (!flag(input, 'follow')) {
      const none = `gate ${gate.name} has no history yet`;
      context.out.result({ events }, events.length === 0 ? none : events.map(lineOf).join('\n'));
      return 0;
    }
    for (const event of events) context.out.result(event, lineOf(event));
    return follow(context, gate);
  },
};

/** `11-23 07:48:43 GATE_PHASE     gate default is open`, UTC. */
function lineOf({ at, code, level, text: said }: CodedEvent): string {
  const mark = level === 'info' ? ' ' : '!';
  return `${escapeLine(at.slice(5, 19).replace('T', ' '))} ${mark} ${escapeLine(code).padEnd(16)} ${escapeLine(said)}`;
}

/** Ends with Ctrl-C, which is how one stops looking, or with the gate. */
async function follow(context: Context, gate: Gate): Promise<number> {
  const client = await requireUp(gate, 'supervisor to follow');
  try {
    const onEvent = (event: CodedEvent) => context.out.result(event, lineOf(event));
    await client.ask({ verb: 'watch' }, { onEvent, signal: context.interrupted });
    return 0;
  } catch (cause) {
    if (context.interrupted.aborted) return 130;
    throw cause;
  } finally {
    client.close();
  }
}

async function gatewayLog(gate: Gate): Promise<string> {
  const client = await requireUp(gate, 'gateway whose log could be read');
  try {
    const { gateway = '' } = (await client.ask({ verb: 'logs' })) as { gateway?: string };
    return gateway;
  } finally {
    client.close();
  }
}

function supervisorLog({ layout }: Gate): string {
  try {
    return readFileSync(layout.supervisorLog, 'utf8');
  } catch {
    return '';
  }
}

function written(context: Context, part: string, log: string, most: number): number {
  const lines = log.trim() === '' ? [] : log.trimEnd().split('\n').slice(-most);
  const none = `the ${part} has written nothing`;
  context.out.result({ lines }, lines.length === 0 ? none : escapeBlock(lines.join('\n'), 1_048_576));
  return 0;
}
