import { escapeBlock, escapeLine } from '../../host/index.ts';
import type { Command } from '../command.ts';
import { diffToLocked, MAX_DIFF } from '../template/review.ts';
import { takeTemplate } from '../template/take.ts';
import { TOKEN_HOST } from '../template/transfer.ts';

export const templateDiff: Command = {
  name: 'template diff',
  group: 'Set up',
  about: 'what the version that a tag names now would change, scripts included',
  kind: 'query',
  args: [{ name: 'REF', about: 'as vmgate.lock names it' }],
  options: [TOKEN_HOST],
  notes: [
    'Nothing is changed. The newer version is held to the same signers and may not be older than the locked one.',
  ],
  examples: ['vmgate template diff registry.example.com/team/dev:3'],
  run: async (context, input) => {
    const [written = ''] = input.args;
    const taken = await takeTemplate(context, input, written, 'update');
    const { fetched, locked } = taken;
    const difference = await diffToLocked(context, taken);
    const { digest, created, signer } = fetched;
    const to = { digest, created, signer: signer.fingerprint };
    const from = locked === undefined ? null : { digest: locked.digest, created: locked.created };
    const shown =
      difference === ''
        ? `${escapeLine(written)} is the locked version`
        : [
            `locked: ${from === null ? 'nothing' : `${from.digest}, made ${from.created}`}`,
            `now:    ${digest}, made ${created}, signed by ${to.signer}`,
            difference === undefined ? 'the locked one is not here to be compared' : escapeBlock(difference, MAX_DIFF),
          ].join('\n');
    context.out.result({ reference: written, from, to, same: difference === '', diff: difference ?? null }, shown);
    return 0;
  },
};
