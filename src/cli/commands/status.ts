import type { LoadedConfig } from '../../config/index.ts';
import type { StatusReport } from '../../supervisor/index.ts';
import { type Command, type Context, flag } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf } from '../gate-access.ts';
import { describeStatus } from '../status-text.ts';

export const status: Command = {
  name: 'status',
  group: 'Every day',
  about: 'is the gate open, since when, and why (not)',
  kind: 'query',
  options: [GATE_OPTION, { flags: '--watch', about: 'redraw on every change, until Ctrl-C' }],
  examples: ['vmgate status', 'vmgate status --watch', 'vmgate status --json | jq -r .phase'],
  run: async (context, input) => {
    const gate = gateOf(context, input);
    const report = await reportOf(context, gate);
    context.out.result(report, describeStatus(report));
    if (flag(input, 'watch')) await watch(context, gate);
  },
};

async function reportOf(context: Context, gate: Gate): Promise<StatusReport> {
  const { SupervisorClient } = await import('../../supervisor/client.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) return downReport(context, gate);
  try {
    const report = (await client.ask({ verb: 'status' })) as StatusReport;
    const changed = gate.loaded !== undefined && report.config !== null && report.config.digest !== gate.loaded.digest;
    return report.config === null ? report : { ...report, config: { ...report.config, changed } };
  } finally {
    client.close();
  }
}

function downReport(context: Context, gate: Gate): StatusReport {
  const loaded: LoadedConfig | undefined = gate.loaded;
  return {
    version: 1,
    gate: gate.name,
    phase: 'down',
    since: '',
    why: '',
    claim: null,
    vpn: null,
    receipt: null,
    verdicts: [],
    work: (loaded?.config.work ?? []).map(({ name }) => ({
      name,
      status: 'stopped',
      linkUp: false,
      address: '',
      pid: null,
    })),
    uplink: null,
    config: loaded === undefined ? null : { path: loaded.path, digest: loaded.digest, changed: false },
    supervisor: null,
    ignoredEnvironment: [...context.ignoredEnvironment],
    lastEvent: null,
  };
}

async function watch(context: Context, gate: Gate): Promise<void> {
  const { SupervisorClient } = await import('../../supervisor/client.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) return;
  const redraw = async () => {
    const report = await reportOf(context, gate);
    context.out.result(report, `\n${describeStatus(report)}`);
  };
  try {
    await client.ask({ verb: 'watch' }, { onEvent: () => void redraw(), signal: context.interrupted });
  } finally {
    client.close();
  }
}
