/** Profiles for a fake server, and what becomes of a connect with them. */
import { expect } from '@jest/globals';
import { VmgateError } from '../../../../src/core/coded.ts';
import type { PlannedProfile } from '../../../../src/vpn/kind.ts';
import { planOpenConnect } from '../../../../src/vpn/openconnect/plan.ts';
import type { FakeScene } from './scene.ts';

export const LOGIN = { user: 'alice', password: 'open "sesame" =$(x)' };
/** What somebody waits for to be told what is wrong: 15 s, and on a machine that has other things to do half as much again. */
const PATIENCE_MS = 22_500;

/** A profile as `vmgate vpn add --user alice` would have it. */
export function profileOf(lines: readonly string[], code?: string): PlannedProfile {
  const options = { split: false, dns: [], login: LOGIN };
  const planned = planOpenConnect(`${lines.join('\n')}\n`, 'fake.oc', options, () => undefined, Date.now());
  return code === undefined ? planned : { ...planned, secrets: planned.secrets.withCode(code) };
}

/** The error of a connect that fails, in time and without a secret in it. */
export async function refusalOf(scene: FakeScene, planned: PlannedProfile, code?: string): Promise<VmgateError> {
  const began = Date.now();
  const fault: unknown = await scene.connect(planned).then(
    (inside) => inside,
    (cause: unknown) => cause,
  );
  if (!VmgateError.is(fault)) throw new Error(`it did not fail as it should: ${JSON.stringify(fault)}`);
  expect(Date.now() - began).toBeLessThan(PATIENCE_MS);
  const said = JSON.stringify(fault.serialize());
  expect(said).not.toContain('sesame');
  if (code !== undefined) expect(said).not.toContain(code);
  return fault;
}
