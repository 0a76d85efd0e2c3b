/** The template.yaml that `vmgate template new` writes: it is one already, and says what else may be in it. */

const VM = [
  'image:',
  '  builtin: tiny                 # or disk: {parameter: disk}, or kernel and initramfs',
  '# cpus: 2',
  '# memory: 2GiB',
  '# hardware: compat              # for systems without virtio drivers',
  '# onLoss: pause                 # stand still while the gate is closed; stop is stricter still',
  '# autostart: true               # start it with vmgate up',
];

const VPN = [
  '# What the VPN profile of whoever uses this must be. Never a private key: the profile stays on each machine.',
  'vpn:',
  '  kind: wireguard',
  '  # endpoint: vpn.example.com:51820',
  '  # peer: BASE64                # the public key of the server',
  '  # dns: [10.64.0.1]',
  '',
];

const PARAMETERS = [
  '# What init asks for. Types: path, size, cpus, url, prefixes, boolean, text. Used as {parameter: NAME}.',
  '# parameters:',
  '#   disk: {type: path, about: the disk image to boot}',
  '#   memory: {type: size, about: how much memory it gets, default: 2GiB}',
  '',
];

/** @param folder its last part; a name is made of it */
export function firstTemplate(kind: 'gate' | 'work', folder: string): string {
  const name = nameFrom(folder);
  return [
    '# A template: vmgate init FOLDER makes a vmgate.yaml of it. Every key is described by: vmgate schema --template',
    'version: 1',
    `kind: ${kind}`,
    `name: ${name}`,
    '# about: one line for people',
    '# minimumVmgateVersion: 0.1.0',
    '',
    ...PARAMETERS,
    ...VPN,
    ...(kind === 'work' ? ['vm:', ...VM.map((line) => `  ${line}`)] : gateLines()),
    '',
  ].join('\n');
}

function gateLines(): readonly string[] {
  return [
    '# What proves the tunnel; it can only become stricter than it is without a template.',
    'verify:',
    '  every: 30s',
    '  maxAge: 60s',
    '  # exit: {url: "https://ip.example.com/", expect: [203.0.113.0/24]}',
    '',
    'work:',
    '  dev:',
    ...VM.map((line) => `    ${line}`),
  ];
}

/** `My Team (2)` -> `my-team-2`. */
function nameFrom(folder: string): string {
  const slug = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 24)
    .replace(/-+$/, '');
  return slug === '' ? 'template' : slug;
}
