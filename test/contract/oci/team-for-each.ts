/** Two people of a team, and the registry between them. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { Laptop } from '../../unit/cli/command-line.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';

export interface Team {
  readonly registry: DockerRegistry;
  /** Who pushes, with `key` and `other` in the project folder to sign with. */
  readonly lead: Laptop;
  /** Who takes what was pushed. */
  readonly member: Laptop;
}

/** Anew for each test of a block; `ready` is called before what else the block prepares. */
export function teamForEach(ready: (team: Team) => void): void {
  let team: Team | undefined;
  beforeEach(async () => {
    const registry = await startDockerRegistry();
    team = { registry, lead: new Laptop(), member: new Laptop() };
    for (const name of ['key', 'other']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(team.lead.project, name)]);
    }
    ready(team);
  });
  afterEach(async () => {
    await team?.registry.stop();
    team?.lead.clear();
    team?.member.clear();
  });
}
