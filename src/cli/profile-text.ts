/** A profile for people: what it is, without its secrets, and everything that may be seen of it on the way. */
import { escapeLine } from '../host/index.ts';
import { clearTextPlan, describeTunnel, type StoredProfile } from '../vpn/index.ts';
import { textTable } from './text-table.ts';

export function profileText({ name, plan, publicKey }: StoredProfile): string {
  const rows = clearTextPlan(plan).map(({ from, to, what, when, visible }) =>
    [from, to, what, when, visible].map((cell) => escapeLine(cell)),
  );
  return [
    escapeLine(describeTunnel(name, plan), 2_000),
    escapeLine(
      plan.certificates === undefined ? `your public key: ${publicKey}` : `the server knows you as: ${publicKey}`,
    ),
    '',
    'What may leave this machine towards the untrusted network, and nothing else:',
    textTable([['from', 'to', 'what', 'when', 'readable there'], ...rows]).replaceAll(/^/gm, '  '),
  ].join('\n');
}
