/** The gateway is killed and frozen at every effect of `up` and `start`. */
import { strikeEach } from './every-moment.ts';
import { momentsIn, recordedPoints } from './scene.ts';

strikeEach(momentsIn(recordedPoints()), 'gateway');
