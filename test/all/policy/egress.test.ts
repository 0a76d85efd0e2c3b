/**
 * A work VM that may reach one name: through the real command line, its own tools and the gateway's resolver.
 */
import { expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { inside, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const OTHER_SITE = '203.0.113.81';

let stage: Stage;
stageForAll(
  () => ({
    attachment: 'wire',
    config: `version: 1
vpn: lab
work:
  ${WORK_VM}:
    template: tiny
    egress:
      - {to: ${LAB.siteName}, protocol: tcp}
`,
  }),
  (opened) => {
    stage = opened;
  },
);

/** What a line of the work VM printed, its errors too, whether it succeeded or not. */
const tries = (line: string) => inside(stage, `(${line}) 2>&1 || true`);
const asks = (address: string) => tries(`timeout 10 nc ${address} 80 </dev/null && echo reached`);

test('it reaches the name once it has looked it up, at any resolver it likes, and nothing else', async () => {
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });

  // Before anybody asked, its address is an address like any other.
  expect(await asks(LAB.site)).not.toContain('reached');
  expect(await tries(`nslookup ${LAB.siteName} 8.8.8.8`)).toContain(LAB.site);
  expect(await asks(LAB.site)).toContain('reached');
  expect(await asks(OTHER_SITE)).not.toContain('reached');
  expect(await tries(`ping -c 1 -W 3 ${LAB.site}`)).toMatch(/100% packet loss|prohibited|filtered/i);

  await until('the denials are counted', async () => {
    const { denied = [] } = await statusOf(stage);
    return denied.some(
      ({ work, line, otherwise, packets }) => work === WORK_VM && line === 6 && otherwise && packets >= 3,
    );
  });
  expect((await stage.vmgate(['status'])).stdout).toMatch(
    /denied {3}workvm: \d+ packets, no rule of vmgate.yaml:\d+ allows them/,
  );
});
