/** The vmgate.yaml that `vmgate init` writes: short, and explained where it is read. */

export interface WorkAnswer {
  readonly name: string;
  /** Undefined: the tiny work VM that comes with vmgate. */
  readonly disk: string | undefined;
}

export interface ExitAnswer {
  readonly url: string;
  /** Undefined: to be learnt from the first connection that is verified in everything else. */
  readonly expect:
    | readonly string[]
    | { readonly json: Readonly<Record<string, string | number | boolean>> }
    | undefined;
}

export interface Plan {
  readonly vpn: string;
  readonly gate: string | undefined;
  readonly work: WorkAnswer;
  readonly exit: ExitAnswer | undefined;
}

/** RFC 5737, TEST-NET-1: no traffic ever comes out there, so the gate stays closed until it is replaced. */
export const NOBODYS_ADDRESSES = '192.0.2.0/24';

export function renderConfig({ vpn, gate, work, exit }: Plan): string {
  return [
    '# vmgate.yaml: which VPN, what proves it, which work VMs. Every key is described by: vmgate schema',
    'version: 1',
    ...(gate === undefined ? [] : [`gate: ${word(gate)}`]),
    '',
    '# A profile of: vmgate vpn list',
    `vpn: ${word(vpn)}`,
    '',
    ...exitLines(exit),
    '',
    '# Each has one network card, and it ends in the gateway. vmgate start NAME',
    'work:',
    `  ${word(work.name)}:`,
    ...(work.disk === undefined
      ? ['    template: tiny                # a small Linux that comes with vmgate']
      : [`    disk: ${quoted(work.disk)}`, '    # hardware: compat            # for systems without virtio drivers']),
    '    # memory: 2GiB',
    '    # autostart: true             # start it with vmgate up',
    '    # onLoss: pause               # stand still while the gate is closed, instead of only losing the wire',
    '',
  ].join('\n');
}

/** The beginning of one that templates add the rest to. `from`: each with its digest. */
export function renderStart({ vpn, gate }: Pick<Plan, 'vpn' | 'gate'>, from: readonly string[]): string {
  return [
    '# vmgate.yaml: which VPN, what proves it, which work VMs. Every key is described by: vmgate schema',
    '# What may be changed may be changed: vmgate init with the same template adds what is missing, and keeps the rest.',
    ...from.map((template) => `# From ${template}`),
    'version: 1',
    ...(gate === undefined ? [] : [`gate: ${word(gate)}`]),
    '',
    '# A profile of: vmgate vpn list',
    `vpn: ${word(vpn)}`,
    '',
  ].join('\n');
}

function exitLines(exit: ExitAnswer | undefined): readonly string[] {
  if (exit === undefined) {
    return [
      '# Where traffic must come out. Without this vmgate proves a round trip through the tunnel, not an address.',
      '# verify:',
      '#   exit:',
      '#     url: "https://ip.example.org/"',
      '#     expect: [203.0.113.0/24]    # or {json: {field: value}}',
    ];
  }
  return [
    '# Where traffic must come out: asked through the tunnel, before the gate opens and every 30 s after.',
    'verify:',
    '  exit:',
    `    url: ${quoted(exit.url)}`,
    `    expect: ${expectation(exit.expect)}`,
  ];
}

function expectation(expect: ExitAnswer['expect']): string {
  if (expect === undefined) {
    return `[${NOBODYS_ADDRESSES}]   # nobody's: the gate stays closed until vmgate up, then vmgate init --learn-exit`;
  }
  if ('json' in expect) {
    const fields = Object.entries(expect.json).map(([field, value]) => `${quoted(field)}: ${JSON.stringify(value)}`);
    return `{json: {${fields.join(', ')}}}`;
  }
  return `[${expect.map(quoted).join(', ')}]`;
}

/** A name as it is written by hand, or quoted so that it means itself and is then refused by the schema. */
function word(name: string): string {
  return /^[a-z][a-z0-9-]*$/.test(name) ? name : quoted(name);
}

/** JSON strings are YAML. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
