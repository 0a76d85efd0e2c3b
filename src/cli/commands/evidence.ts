import path from 'node:path';
import { exportFrames, readKept } from '../../evidence/index.ts';
import { describeFrame } from '../../frame/index.ts';
import { escapeLine } from '../../host/index.ts';
import type { StatusReport } from '../../supervisor/protocol.ts';
import { type Command, text } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf } from '../gate-access.ts';
import { positiveInteger } from '../numbers.ts';

const DEFAULT_FRAMES = 20;

interface ShownFrame {
  readonly at: string;
  readonly bytes: number;
  readonly what: string;
}

export const evidence: Command = {
  name: 'evidence',
  group: 'Trust and evidence',
  about: 'what left, and the frames that tried to and did not',
  kind: 'query',
  options: [
    GATE_OPTION,
    { flags: '-n, --frames <COUNT>', about: `the first ones only; ${DEFAULT_FRAMES} unless said` },
    { flags: '--export <FILE>', about: 'write all that was kept into a pcap file, for Wireshark or tcpdump' },
  ],
  examples: ['vmgate evidence', 'vmgate evidence --export leak.pcap', 'vmgate evidence --json | jq .frames[0].what'],
  notes: ['What came first is the cause, so that is what is shown; the journal says when: vmgate logs.'],
  run: async (context, input) => {
    const most = positiveInteger('--frames', text(input, 'frames'), DEFAULT_FRAMES);
    const gate = await gateOf(context, input);
    const uplink = await uplinkOf(gate);
    const { frames: kept, files } = readKept(gate.layout.evidence);
    const frames = kept.slice(0, most).map(({ atMs, originalLength, frame }) => ({
      at: new Date(atMs).toISOString(),
      bytes: originalLength,
      what: describeFrame(frame),
    }));
    const target = text(input, 'export');
    const exported = target === undefined ? null : path.resolve(context.cwd, target);
    if (exported !== null) exportFrames(kept, exported);
    const report = { gate: gate.name, uplink, kept: kept.length, frames, files, exported };
    context.out.result(report, inWords(report));
    return 0;
  },
};

/** Null without a supervisor: the counts are those of the gateway that runs. */
async function uplinkOf({ name, layout }: Gate): Promise<StatusReport['uplink']> {
  const { SupervisorClient } = await import('../../supervisor/index.ts');
  const client = await SupervisorClient.connect(name, layout);
  if (client === undefined) return null;
  try {
    return client.greeting.uplink;
  } finally {
    client.close();
  }
}

interface Report {
  readonly gate: string;
  readonly uplink: StatusReport['uplink'];
  readonly kept: number;
  readonly frames: readonly ShownFrame[];
  readonly exported: string | null;
}

function inWords({ gate, uplink, kept, frames, exported }: Report): string {
  const counted = Object.entries(uplink?.passed ?? {}).map(([kind, sum]) => `${escapeLine(kind)} ${sum.frames}`);
  const more = kept > frames.length ? [`  ... and ${kept - frames.length} more`] : [];
  return [
    kept === 0
      ? `gate ${gate}: nothing tried to leave but what the policy allows; no frame is kept`
      : `gate ${gate}: ${kept} ${kept === 1 ? 'frame' : 'frames'} that tried to leave and did not, UTC`,
    ...frames.map(({ at, what }) => `  ${at.slice(5, 23).replace('T', ' ')}  ${escapeLine(what)}`),
    ...more,
    uplink === null
      ? '  left     nothing now: no gateway runs'
      : `  left     since its gateway booted: ${counted.join(', ') || 'nothing'}; stopped: ${uplink.foreign}`,
    ...(exported === null ? [] : [`  written  ${escapeLine(exported)}`]),
    ...(kept === 0 || exported !== null ? [] : ['  next     vmgate evidence --export leak.pcap']),
  ].join('\n');
}
