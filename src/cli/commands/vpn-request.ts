import { existsSync } from 'node:fs';
import path from 'node:path';
import { namedTemplates, profilesOf } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { escapeLine } from '../../host/index.ts';
import { formatReference, parseReference } from '../../oci/index.ts';
import { loadTemplateFolder, type Template, templateErrors } from '../../template/index.ts';
import { completeRequest, type RequestedTunnel, requestKey, type StoredProfile } from '../../vpn/index.ts';
import { type Command, type Context, type Input, list, text } from '../command.ts';
import { isReference } from '../init/reference.ts';
import { SIGNER_OPTION } from '../template/signer-option.ts';
import { takeTemplate } from '../template/take.ts';
import { TOKEN_HOST } from '../template/transfer.ts';
import { version } from '../version.ts';

export const vpnRequest: Command = {
  name: 'vpn request',
  group: 'Set up',
  about: "make a WireGuard key here for a team's template, and print the line for whoever runs the server",
  kind: 'action',
  args: [{ name: 'TEMPLATE', about: 'a reference of a registry, or a folder' }],
  options: [
    {
      flags: '--address <ADDR>',
      about: 'of this machine inside the tunnel, as whoever runs the server said: 10.20.0.7/32',
    },
    { flags: '--name <NAME>', about: 'of the profile; as vmgate.yaml says, else as the template is called' },
    { flags: '--dns <ADDR...>', about: 'resolvers inside the tunnel, where the template names none' },
    SIGNER_OPTION,
    TOKEN_HOST,
  ],
  notes: [
    "The private key never leaves this machine. Endpoint, server key, DNS and routes are the template's.",
    'Without --address the key is kept and the line printed; type it again with the address to have the profile.',
  ],
  examples: [
    'vmgate vpn request registry.example.com/team/dev:3',
    'vmgate vpn request registry.example.com/team/dev:3 --address 10.20.0.7/32',
  ],
  run: async (context, input) => {
    const [written = ''] = input.args;
    const template = await templateOf(context, input, written);
    const tunnel = tunnelOf(written, template, list(input, 'dns'));
    const name = text(input, 'name') ?? nameHere(context, written) ?? template.definition.name;
    const { vpn: folder } = context.home();
    const publicKey = await requestKey(folder, name);
    const address = text(input, 'address') ?? (await askedAddress(context, publicKey));
    const profile = address === undefined ? undefined : await completeRequest(folder, name, address, tunnel, written);
    for (const notice of profile?.notices ?? []) context.out.event(notice);
    const line = lineFor(publicKey, profile);
    context.out.result(
      { name, publicKey, address: address ?? null, line, added: profile !== undefined },
      [
        'for whoever runs the server, as `wg set INTERFACE` takes it; it is no secret:',
        `  ${line}`,
        profile === undefined
          ? `once you are told your address:\n  vmgate vpn request ${escapeLine(written)} --address ADDRESS/32`
          : `the profile ${name} is there; vmgate up`,
      ].join('\n'),
    );
    return 0;
  },
};

async function templateOf(context: Context, input: Input, written: string): Promise<Template> {
  if (!isReference(context.cwd, written)) return loadTemplateFolder(context.cwd, written, version());
  return (await takeTemplate(context, input, written, 'keep')).template;
}

/** @throws TEMPLATE_VPN_UNSAID, TEMPLATE_VPN_NO_REQUEST */
function tunnelOf(written: string, { definition: { vpn } }: Template, resolvers: readonly string[]): RequestedTunnel {
  const unsaid = (key: string) => VmgateError.of(templateErrors.TEMPLATE_VPN_UNSAID, { template: written, key });
  const { kind, endpoint, peer, dns = resolvers, split = false, allowedIps } = vpn ?? {};
  if (kind !== undefined && kind !== 'wireguard') {
    throw VmgateError.of(templateErrors.TEMPLATE_VPN_NO_REQUEST, { template: written, kind });
  }
  if (endpoint === undefined) throw unsaid('endpoint');
  if (peer === undefined) throw unsaid('peer');
  if (split && allowedIps === undefined) throw unsaid('allowedIps');
  return { endpoint, peer, dns, split, allowedIps: allowedIps ?? ['0.0.0.0/0'] };
}

/** What the vmgate.yaml of this folder calls the profile for this template. */
function nameHere({ cwd, home }: Context, written: string): string | undefined {
  if (!existsSync(path.join(cwd, 'vmgate.yaml')) || !isReference(cwd, written)) return undefined;
  const named = namedTemplates(cwd, home().root);
  const reference = formatReference({ ...parseReference(written), digest: undefined });
  return named?.references.includes(reference) === true ? profilesOf(named.said)[0] : undefined;
}

async function askedAddress({ isInteractive, out }: Context, publicKey: string): Promise<string | undefined> {
  if (!isInteractive) return undefined;
  out.progress(`  peer ${publicKey}`);
  const { askAddress } = await import('../init/questions.ts');
  return askAddress();
}

function lineFor(publicKey: string, profile: StoredProfile | undefined): string {
  const addresses = profile?.plan.addresses.map((each) => each.replace(/\/\d+$/, '/32')) ?? [];
  return `peer ${publicKey}${addresses.length === 0 ? '' : ` allowed-ips ${addresses.join(',')}`}`;
}
