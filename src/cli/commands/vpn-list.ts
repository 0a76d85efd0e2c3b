import { escapeLine } from '../../host/index.ts';
import { keyHolder, listProfiles } from '../../vpn/index.ts';
import type { Command, Context } from '../command.ts';
import { textTable } from '../text-table.ts';

interface Row {
  readonly name: string;
  readonly endpoint: string | null;
  readonly split: boolean | null;
  readonly usedBy: string | null;
  readonly fault: { readonly code: string; readonly what: string } | null;
}

export const vpnList: Command = {
  name: 'vpn list',
  group: 'Set up',
  about: 'every VPN profile, and which gate uses it now',
  kind: 'query',
  examples: ['vmgate vpn list', "vmgate vpn list --json | jq -r '.profiles[].name'"],
  run: async (context) => {
    const profiles = await rowsOf(context);
    const none = 'no VPN profile yet; add one: vmgate vpn add NAME FILE';
    context.out.result({ profiles }, profiles.length === 0 ? none : textTable([HEAD, ...profiles.map(cells)]));
    return 0;
  },
};

const HEAD = ['name', 'server', 'covers', 'in use by'];

async function rowsOf(context: Context): Promise<readonly Row[]> {
  const { vpn } = context.home();
  return Promise.all(
    (await listProfiles(vpn)).map(async (profile): Promise<Row> => {
      if ('fault' in profile) {
        const { code, what } = profile.fault;
        return { name: profile.name, endpoint: null, split: null, usedBy: null, fault: { code, what } };
      }
      const { endpoint, split } = profile.plan;
      const usedBy = (await keyHolder(vpn, profile.publicKey)) ?? null;
      return { name: profile.name, endpoint: `${endpoint.host}:${endpoint.port}`, split, usedBy, fault: null };
    }),
  );
}

function cells({ name, endpoint, split, usedBy, fault }: Row): readonly string[] {
  if (fault !== null) return [name, `broken: ${escapeLine(fault.what)}`, '', ''];
  return [name, escapeLine(endpoint ?? ''), split === true ? 'part' : 'everything', usedBy ?? ''];
}
