/** Codes of the work room. */
import { errorCodes, eventCodes } from '../core/coded.ts';
import { diskErrors } from './disk-codes.ts';
import { importErrors } from './import/codes.ts';
import { ociErrors } from './oci-codes.ts';
import { setUpErrors, setUpEvents } from './set-up-codes.ts';
import { vmErrors } from './vm-codes.ts';

export const errors = errorCodes({ ...diskErrors, ...vmErrors, ...ociErrors, ...importErrors, ...setUpErrors });
export const events = eventCodes({ ...setUpEvents });
