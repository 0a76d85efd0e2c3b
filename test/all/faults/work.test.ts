/** The work VM is killed and frozen at every effect of `start`, as soon as it has a process. */
import { WORK_VM } from '../../../src/demo/index.ts';
import { strikeEach } from './every-moment.ts';
import { momentsIn, recordedPoints } from './scene.ts';

const points = recordedPoints();
const first = points.findIndex(({ name }) => name.startsWith('defineWork'));

strikeEach(momentsIn(points.slice(first)), { work: WORK_VM });
