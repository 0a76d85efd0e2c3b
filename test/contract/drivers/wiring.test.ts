/** Filter chains and wires of this machine's QEMU. */
import { jest } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { filterTests } from './filters.ts';
import { wireTests } from './wires.ts';

jest.setTimeout(30_000);

const installation = new Installation({ forcedAccel: 'tcg' });
filterTests(installation);
wireTests(installation);
