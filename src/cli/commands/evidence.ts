import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { digestOf, exportFile, flowsOf, framesOf, readRing, violationsOf } from '../../evidence/index.ts';
import { describeFrame } from '../../frame/index.ts';
import { readJournal } from '../../home/index.ts';
import type { StatusReport } from '../../supervisor/protocol.ts';
import { errors } from '../codes.ts';
import { type Command, type Context, flag, type Input, text } from '../command.ts';
import { showDay } from '../day-report.ts';
import { describeEvidence, type EvidenceReport } from '../evidence-text.ts';
import { GATE_OPTION, type Gate, gateOf } from '../gate-access.ts';
import { positiveInteger } from '../numbers.ts';
import { receiptOn } from '../receipt-on-evidence.ts';

const DEFAULT_FRAMES = 20;
/** Of what the journal tells, the last ones. */
const MAX_VIOLATIONS = 100;

export const evidence: Command = {
  name: 'evidence',
  group: 'Look',
  about: 'what left, what tried to, and how the day went',
  kind: 'query',
  options: [
    GATE_OPTION,
    { flags: '-n, --frames <COUNT>', about: `the first ones only; ${DEFAULT_FRAMES} unless said` },
    { flags: '--export <FILE>', about: 'write all that was kept into a pcap file, for Wireshark or tcpdump' },
    { flags: '--portal', about: 'what was let out to a portal, in clear, instead of what was held back' },
    { flags: '--receipt <FILE>', about: "which frames a receipt speaks of; this gate's own unless said" },
    { flags: '--timeline', about: 'the day instead: when it was open, what went through, what was blocked' },
    { flags: '--day <DATE>', about: 'with --timeline or --html: 2026-11-26; today unless said' },
    { flags: '--html <FILE>', about: 'write the day as one HTML page, to be opened in a browser' },
  ],
  examples: [
    'vmgate evidence',
    'vmgate evidence --timeline',
    'vmgate evidence --html day.html --day 2026-11-25',
    'vmgate evidence --export leak.pcap',
    'vmgate evidence --portal --export signed-in.pcap',
    'vmgate evidence --json | jq .frames[0].what',
  ],
  notes: ['What came first is the cause, so that is what is shown; the journal says when: vmgate logs.'],
  run: async (context, input) => {
    const gate = await gateOf(context, input);
    if (flag(input, 'timeline') || text(input, 'html') !== undefined) return showDay(context, gate, input);
    if (flag(input, 'portal') && text(input, 'receipt') !== undefined) {
      const hint = 'leave one of them out';
      const message = 'a receipt does not speak of what was let out to a portal';
      throw VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'evidence' });
    }
    if (text(input, 'day') !== undefined) {
      const hint = 'add --timeline: vmgate evidence --timeline --day 2026-11-26';
      throw VmgateError.of(errors.CLI_USAGE, { message: '--day says nothing alone', hint, command: 'evidence' });
    }
    const report = await reportOf(context, gate, input);
    context.out.result(report, describeEvidence(report));
    return 0;
  },
};

async function reportOf(context: Context, gate: Gate, input: Input): Promise<EvidenceReport> {
  const most = positiveInteger('--frames', text(input, 'frames'), DEFAULT_FRAMES);
  const uplink = await uplinkOf(gate);
  const of = flag(input, 'portal') ? 'portal' : 'held';
  const ring = readRing(gate.layout.evidence, of);
  const journal = readJournal(gate.layout.journal);
  const kept = framesOf(ring);
  const violations = of === 'portal' ? [] : violationsOf(journal).slice(-MAX_VIOLATIONS);
  const broken = new Map(violations.map(({ frame, why }) => [frame, why]));
  const frames = kept.slice(0, most).map(({ atMs, originalLength, frame }) => ({
    at: new Date(atMs).toISOString(),
    bytes: originalLength,
    what: describeFrame(frame),
    why: broken.get(frame.toString('hex', 0, REPORTED)) ?? '',
  }));
  // A receipt speaks of what was held back alone.
  const receipt = of === 'portal' ? null : await receiptOn(context, ring, journal, text(input, 'receipt'));
  const target = text(input, 'export');
  const exported = target === undefined ? null : path.resolve(context.cwd, target);
  if (exported !== null) exportFile(ring.pcap, exported);
  return {
    gate: gate.name,
    of,
    uplink,
    kept: kept.length,
    flows: flowsOf(kept).map(({ what, frames: count, bytes, firstMs, lastMs }) => ({
      what,
      frames: count,
      bytes,
      first: new Date(firstMs).toISOString(),
      last: new Date(lastMs).toISOString(),
    })),
    frames,
    violations: violations.map(({ frame: _, ...violation }) => violation),
    files: ring.files,
    digest: digestOf(ring),
    receipt,
    exported,
  };
}

/** Bytes of a frame that the guard reports (src/guard/filter.ts). */
const REPORTED = 128;

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
