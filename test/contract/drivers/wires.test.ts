/** Wires between two machines on this machine's QEMU. */
import { jest } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { wireTests } from './wires.ts';

jest.setTimeout(30_000);

wireTests(new Installation({ forcedAccel: 'tcg' }));
