import { wallMs } from '../../host/index.ts';
import { SupervisorClient } from '../../supervisor/client.ts';
import type { StatusReport } from '../../supervisor/protocol.ts';
import { type Command, type Context, flag, type Input } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf } from '../gate-access.ts';
import { describeStatus, statusLine } from '../status-text.ts';

export const status: Command = {
  name: 'status',
  group: 'Every day',
  about: 'is the gate open, since when, and why (not)',
  kind: 'query',
  options: [
    GATE_OPTION,
    { flags: '--watch', about: 'redraw on every change, until Ctrl-C' },
    { flags: '--line', about: 'the answer alone, in one line: for prompts and bars' },
  ],
  examples: [
    'vmgate status',
    'vmgate status --watch',
    'vmgate status --line --watch',
    'vmgate status --json | jq -r .phase',
  ],
  run: async (context, input) => {
    const describe = (report: StatusReport) =>
      flag(input, 'line') ? statusLine(report) : describeStatus(report, wallMs());
    if (flag(input, 'watch')) {
      const { watchStatus } = await import('../watch-status.ts');
      return watchStatus(context, () => statusNow(context, input), describe);
    }
    const { report } = await statusNow(context, input);
    context.out.result(report, describe(report));
    return 0;
  },
};

/** The supervisor's report, or that of a gate without one. */
async function statusNow(context: Context, input: Input): Promise<{ gate: Gate; report: StatusReport }> {
  const gate = await gateOf(context, input);
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) return { gate, report: downReport(context, gate) };
  try {
    const told = client.greeting;
    // The supervisor runs in an environment of its own; what this shell tried to set is known here.
    const ignored = [...new Set([...told.ignoredEnvironment, ...context.ignoredEnvironment])];
    const report: StatusReport = { ...told, ignoredEnvironment: ignored };
    const changed = gate.loaded !== undefined && report.config !== null && report.config.digest !== gate.loaded.digest;
    return { gate, report: report.config === null ? report : { ...report, config: { ...report.config, changed } } };
  } finally {
    client.close();
  }
}

function downReport(context: Context, { name, loaded }: Gate): StatusReport {
  return {
    version: 1,
    gate: name,
    phase: 'down',
    since: '',
    why: '',
    claim: null,
    vpn: null,
    receipt: null,
    verdicts: [],
    work: (loaded?.config.work ?? []).map((vm) => ({
      name: vm.name,
      status: 'stopped',
      linkUp: false,
      address: '',
      pid: null,
    })),
    denied: [],
    uplink: null,
    traffic: null,
    host: null,
    unwritten: { events: 0, frames: 0 },
    config: loaded === undefined ? null : { path: loaded.path, digest: loaded.digest, changed: false },
    supervisor: null,
    ignoredEnvironment: [...context.ignoredEnvironment],
    lastEvent: null,
  };
}
