/** What the QEMU of this machine says when something is wrong, and what is chosen to run guests here. */
import { expect, jest, test } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { probeAccelerator } from '../../../src/drivers/qemu/accel.ts';
import { run } from '../../../src/host/index.ts';
import { failureTests } from './qemu-failures.ts';

jest.setTimeout(30_000);

failureTests(new Installation({ forcedAccel: 'tcg' }));

test('the accelerator that is chosen runs a guest, whatever /dev/kvm promises', async () => {
  const { binary, accel } = await new Installation().find('amd64');
  await expect(probeAccelerator(binary, 'amd64', accel, run)).resolves.toEqual({ works: true });
});
