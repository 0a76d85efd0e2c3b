/** The supervisor is killed and frozen at every effect of `up` and `start`. */
import { strikeEach } from './every-moment.ts';
import { recordedPoints } from './scene.ts';

strikeEach(recordedPoints(), 'supervisor');
