/** A real Docker engine: what it builds is what mmdebstrap builds, and what it refuses is said. Takes minutes. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DockerWorkshop } from '../../../src/image/docker-workshop.ts';
import { buildImage } from '../../../src/image/index.ts';
import { localWorkshop } from '../../../src/image/local-workshop.ts';
import { DockerEngine, engineObstacle } from './docker-engine.ts';

const MINUTES = 60_000;
const BASE_IMAGE = 'debian:trixie-slim';
/** Magic number, frame header descriptor, and the window or content size after it (RFC 8878, 3.1.1). */
const FRAME_HEADER_BYTES = 10;
const obstacle = engineObstacle();
if (obstacle !== undefined) process.stderr.write(`DockerWorkshop is not tried on a real engine: ${obstacle}\n`);
const [suite, where] = obstacle === undefined ? [describe, ''] : [describe.skip, ` (not here: ${obstacle})`];

suite(`DockerWorkshop on a real engine${where}`, () => {
  let root: string;
  let engine: DockerEngine;

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'vmgate-images-'));
    engine = await DockerEngine.start();
  }, MINUTES);

  afterAll(async () => {
    await engine?.stop();
    rmSync(root, { recursive: true, force: true });
  }, MINUTES);

  test(
    'without a registry, the refusal names the image and what else can be done, and nothing is left',
    async () => {
      const imagesFolder = path.join(root, 'refused');
      const workshop = new DockerWorkshop(engine.docker);
      await expect(buildImage('gateway', 'amd64', { imagesFolder, workshop })).rejects.toMatchObject({
        code: 'IMAGE_DOWNLOAD_FAILED',
        message: expect.stringContaining(`Docker has no image ${BASE_IMAGE} and could not pull it`),
        remedy: expect.stringContaining('vmgate image import FILE-OR-FOLDER'),
        evidence: [expect.stringMatching(/proxyconnect|connection refused/)],
      });
      expect(readdirSync(imagesFolder)).toEqual(['cache']);
      expect(await engine.containers()).toEqual([]);
    },
    MINUTES,
  );

  describe('with the base image', () => {
    beforeAll(async () => await engine.importDebian(BASE_IMAGE), 10 * MINUTES);

    test(
      'the gateway has the bytes it has when built with mmdebstrap, and no container is left',
      async () => {
        const [inDocker, here] = ['docker', 'local'].map((name) => path.join(root, name)) as [string, string];
        const workshop = new DockerWorkshop(engine.docker);
        const built = await buildImage('gateway', 'amd64', { imagesFolder: inDocker, workshop });
        expect(await engine.containers()).toEqual([]);
        // Compressed layers are found by what they hold, so equal digests say that the unpacked files are equal: two
        // versions of zstd need not agree. The packages are only not downloaded twice.
        for (const part of ['packed', 'debs']) {
          cpSync(path.join(inDocker, 'cache', part), path.join(here, 'cache', part), { recursive: true });
        }
        const again = await buildImage('gateway', 'amd64', { imagesFolder: here, workshop: localWorkshop });
        expect(again.manifest).toEqual(built.manifest);
        expect(again.digest).toBe(built.digest);
      },
      20 * MINUTES,
    );

    test(
      'a layer is framed as here; an engine that ends is a refusal too',
      async () => {
        const workshop = new DockerWorkshop(engine.docker);
        const data = Buffer.from('the quick brown fox '.repeat(5_000));
        const header = async (of: Pick<DockerWorkshop, 'compress'>) =>
          (await of.compress(data, 'zstd', undefined)).subarray(0, FRAME_HEADER_BYTES).toString('hex');
        expect(await header(workshop)).toBe(await header(localWorkshop));
        await engine.stop();
        await expect(workshop.compress(data, 'zstd', undefined)).rejects.toMatchObject({
          name: 'WorkshopFailure',
          message: 'Docker did not do as it was told',
        });
        await workshop.close();
      },
      10 * MINUTES,
    );
  });
});
