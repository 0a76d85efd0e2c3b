/** docs/templates.md, "A team, from beginning to end", line by line against the real docker-registry; test/all/team has the VMs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { Laptop } from '../../unit/cli/command-line.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';
import { type Who, walkthrough } from './walkthrough.ts';

jest.setTimeout(180_000);

describeUnless(missing('docker-registry', 'ssh-keygen', 'curl', 'skopeo', 'diff'), 'the walkthrough of a team')(
  'a team',
  () => {
    const laptops: Record<Who, Laptop> = {
      lead: new Laptop(),
      member: new Laptop(),
      another: new Laptop(),
      second: new Laptop(),
    };
    let registry: DockerRegistry;
    beforeAll(async () => {
      registry = await startDockerRegistry();
      for (const laptop of [laptops.lead, laptops.second])
        execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(laptop.project, 'key')]);
    });
    afterAll(async () => {
      await registry.stop();
      for (const laptop of Object.values(laptops)) laptop.clear();
    });

    test('does what the document says, and gets what it says', async () => {
      const { lead, member, another } = laptops;
      const fingerprint = execFileSync('ssh-keygen', ['-l', '-f', path.join(lead.project, 'key.pub')], {
        encoding: 'utf8',
      });
      const steps = walkthrough({
        'registry.example.com': registry.host,
        'SHA256:kGxBo1lYfJ0rY1Vd6T3bL0CVJrT2kqYk3yZb8zqPq1c': fingerprint.split(' ')[1] ?? '',
        '~/.ssh/id_ed25519': 'key',
        '/media/usb': path.join(member.folder, 'usb'),
      });
      const done: string[] = [];
      for (const step of steps) {
        if (step.kind === 'file') {
          mkdirSync(path.join(lead.project, path.dirname(step.name)), { recursive: true });
          lead.write(step.name, step.content);
          continue;
        }
        if (step.needsVms) continue;
        const { who, argv } = step;
        // Between its two pushes the lead has changed something.
        if (argv[1] === 'push' && done.includes('lead template push')) {
          lead.write('dev/template.yaml', lead.read('dev/template.yaml').replace('20s', '10s'));
        }
        const typed = await laptops[who].type(...argv);
        expect({ argv, exit: typed.exit, stderr: typed.stderr }).toMatchObject({ exit: 0 });
        done.push(`${who} ${argv.slice(0, 2).join(' ')}`);
      }
      expect(new Set(done)).toEqual(
        new Set([
          ...['lead template validate', 'lead template push', `member init ${registry.host}/team/dev:3`],
          ...['member vpn request', 'member template verify', 'member template diff', 'member template update'],
          ...['member template export', 'another template import', `another init ${registry.host}/team/dev:3`],
          'second template sign',
        ]),
      );
      for (const { project, home } of [member, another]) {
        expect(loadConfig(project, home).config).toMatchObject({
          vpn: ['dev'],
          verify: { everyMs: 10_000 },
          work: [{ name: 'dev', onLoss: 'pause' }],
        });
      }
      expect(another.read('vmgate.lock')).toBe(member.read('vmgate.lock'));
    });

    test('what the lead pushed is read by curl and by skopeo', async () => {
      const locked = JSON.parse(laptops.member.read('vmgate.lock')) as {
        templates: Record<string, { digest: string }>;
      };
      const { digest = '' } = locked.templates[`${registry.host}/team/dev:3`] ?? {};
      const accept = 'Accept: application/vnd.oci.image.manifest.v1+json';
      const curl = (name: string) =>
        execFileSync('curl', ['-sS', '--fail', '-H', accept, `http://${registry.host}/v2/team/dev/${name}`], {
          encoding: 'utf8',
        });
      const manifest = curl('manifests/3');
      const { artifactType, layers } = JSON.parse(manifest) as {
        artifactType: string;
        layers: { digest: string; annotations: Record<string, string> }[];
      };
      expect(artifactType).toBe('application/vnd.vmgate.template.v1+json');
      const [layer] = layers;
      expect(layer?.annotations['org.opencontainers.image.title']).toBe('template.yaml');
      expect(curl(`blobs/${layer?.digest ?? ''}`)).toBe(laptops.lead.read('dev/template.yaml'));
      const source = `docker://${registry.host}/team/dev@${digest}`;
      expect(execFileSync('skopeo', ['inspect', '--raw', '--tls-verify=false', source], { encoding: 'utf8' })).toBe(
        manifest,
      );
    });
  },
);
