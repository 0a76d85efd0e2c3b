/** What tests against fake servers have in common: where they stand, profiles, and what becomes of a connect with them. */
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { VmgateError } from '../../../../src/core/coded.ts';
import type { PlannedProfile } from '../../../../src/vpn/kind.ts';
import { planOpenConnect } from '../../../../src/vpn/openconnect/plan.ts';
import { missing, notRoot } from '../../../obstacle.ts';
import type { FakeHttps, Identity } from './https.ts';
import { Identities, pinOf } from './identities.ts';
import { SERVER } from './network.ts';
import { FakeScene } from './scene.ts';

export const obstacle = notRoot() ?? missing('openconnect', 'socat', 'tcpdump', 'setpriv', 'openssl');

export const NAME = 'vpn.acme.example';
/** What a provider asks for, and a profile that foresees it. */
export const CODE = '755224';
export const CHALLENGE = 'challenge=Code from your phone';
/** Longer than a silent server is borne with (config.ts). */
export const IDLE_MS = 14_000;

export const LOGIN = { user: 'alice', password: 'open "sesame" =$(x)' };
/** What somebody waits for to be told what is wrong: 15 s, and on a machine that has other things to do half as much again. */
const PATIENCE_MS = 22_500;

export interface Stand {
  readonly scene: FakeScene;
  readonly identities: Identities;
  /** The server's own. */
  readonly identity: Identity;
}

/** For all tests of a file. After each the server that is there then was asked for nothing that it does not know. */
export function standForAll(keep: (stand: Stand) => void, server: () => FakeHttps): void {
  let scene: FakeScene;
  beforeAll(async () => {
    scene = await FakeScene.open();
    const identities = new Identities(scene.folder);
    keep({ scene, identities, identity: identities.issue(NAME) });
  });
  afterEach(async () => {
    await scene.disconnect();
    expect(server().unexpected).toEqual([]);
  });
  afterAll(() => scene.close());
}

/** `at`: what is behind the server's name. */
export function linesFor(protocol: string, identity: Identity, more: readonly string[], at: string): readonly string[] {
  const server = [`protocol=${protocol}`, `server=https://${NAME}${at}`, `resolve=${NAME}:${SERVER}`];
  return [...server, `servercert=${pinOf(identity)}`, ...more];
}

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
