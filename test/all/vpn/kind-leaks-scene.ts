/**
 * The table `kind x leak case` of a work VM: what WireGuard's rows (test/system/leaks/work-vm.test.ts) prove of the firewall
 * must not be true of one kind of tunnel alone. A kind has a file that declares its rows and calls this.
 */
import { expect, jest, test } from '@jest/globals';
import type { Stage, StageOptions } from '../../../src/demo/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { until } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';
import { captured, describeBehindGate, describeWithoutGateway, flood } from '../../system/leaks/work-scene.ts';

/** The lab's server routes the links' addresses to its one client, whichever kind it is (provision/lab). */
export function describeLeaks(vpn: NonNullable<StageOptions['vpn']>): void {
  jest.setTimeout(180_000);
  let stage: Stage;
  stageForAll(
    () => ({ attachment: 'wire', vpn }),
    (opened) => {
      stage = opened;
    },
  );

  describeWithoutGateway(
    () => stage,
    (clientOf) => {
      test('case 13: a flood in clear is seen', async () => {
        const { digits } = newToken();
        await clientOf().run(`${flood(digits)}; sleep 1`);
        await until('the flood is seen in clear', () => captured(stage, digits));
      });

      test('case 42: a machine on the untrusted network answers to the VPN side', async () => {
        expect(await stage.lab.connectIn('ping', '192.168.77.50')).toBe('answered');
      });
    },
  );

  describeBehindGate(
    () => stage,
    async () => {},
  );
}
