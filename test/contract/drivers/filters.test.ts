/** Filter chains of this machine's QEMU. */
import { jest } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { filterTests } from './filters.ts';

jest.setTimeout(30_000);

filterTests(new Installation({ forcedAccel: 'tcg' }));
