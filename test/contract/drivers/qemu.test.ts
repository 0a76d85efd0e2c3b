/** The conformance suite on the QEMU of this machine. */
import { beforeAll, jest } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { conformance } from './conformance.ts';
import { qemuSubject } from './qemu-subject.ts';

jest.setTimeout(30_000);

/** One installation for all, as in one process; its probe runs before the first test is timed. */
const installation = new Installation({ forcedAccel: 'tcg' });
beforeAll(() => installation.find('amd64'));

conformance('QEMU', qemuSubject(installation));
