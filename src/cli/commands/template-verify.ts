import { VmgateError } from '../../core/coded.ts';
import { escapeLine } from '../../host/index.ts';
import { registryErrors } from '../../oci/index.ts';
import { type Command, type Context, flag, type Input } from '../command.ts';
import { lockedNames } from '../template/locked-names.ts';
import { takeTemplate } from '../template/take.ts';
import { TOKEN_HOST } from '../template/transfer.ts';
import { textTable } from '../text-table.ts';

export const templateVerify: Command = {
  name: 'template verify',
  group: 'Set up',
  about: 'are the locked templates whole and signed, and what do their tags name now (exit 6 when not)',
  kind: 'query',
  args: [{ name: 'REF', optional: true, several: true, about: 'all of vmgate.lock unless said' }],
  options: [
    { flags: '--offline', about: 'ask no registry: only what is on this machine' },
    { flags: '--locked', about: 'a tag that moved is an error; so it is where CI is set' },
    TOKEN_HOST,
  ],
  notes: [
    'Every byte is hashed again, signatures are judged by vmgate.trust as it is now, and vmgate.lock is held against both.',
    'A tag that names a later, rightly signed version is no error: vmgate template diff shows it.',
  ],
  examples: ['vmgate template verify', 'vmgate template verify --locked --json | jq .templates'],
  run: async (context, input) => {
    const templates: Verified[] = [];
    for (const name of await lockedNames(context, input, 'template verify')) {
      templates.push(await verified(context, input, name));
    }
    const rows = templates.map(({ reference, digest, signer, state }) => [
      escapeLine(reference),
      digest.slice(0, 19),
      signer,
      state,
    ]);
    context.out.result({ templates }, textTable([['template', 'locked', 'signed by', 'its tag'], ...rows]));
    return 0;
  },
};

interface Verified {
  readonly reference: string;
  readonly digest: string;
  readonly signer: string;
  readonly created: string;
  /** `not asked`: offline. */
  readonly state: 'current' | 'moved on' | 'not asked';
  /** What the tag names now; null: not asked. */
  readonly newest: string | null;
}

async function verified(context: Context, input: Input, name: string): Promise<Verified> {
  const isOffline = flag(input, 'offline');
  const { fetched } = await takeTemplate(context, input, name, 'require', { isOffline });
  const { digest, signer, created } = fetched;
  const found = { reference: name, digest, signer: signer.fingerprint, created };
  if (isOffline) return { ...found, state: 'not asked', newest: null };
  const newest = (await takeTemplate(context, input, name, 'update')).fetched.digest;
  if (newest === digest) return { ...found, state: 'current', newest };
  if (flag(input, 'locked') || context.outside.isCi) {
    const payload = { reference: name, locked: digest, found: newest };
    throw VmgateError.of(registryErrors.REGISTRY_LOCK_DRIFT, payload);
  }
  return { ...found, state: 'moved on', newest };
}
