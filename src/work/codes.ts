/** Codes of the work room. */
import { errorCodes } from '../core/coded.ts';
import { diskErrors } from './disk-codes.ts';
import { importErrors } from './import/codes.ts';
import { vmErrors } from './vm-codes.ts';

export const errors = errorCodes({ ...diskErrors, ...vmErrors, ...importErrors });
