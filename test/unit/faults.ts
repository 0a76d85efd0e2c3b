import { VmgateError } from '../../src/core/coded.ts';

/** The error with which `act` refuses. @throws whatever else comes of it */
export function faultOf(act: () => unknown): VmgateError {
  try {
    act();
  } catch (fault) {
    if (VmgateError.is(fault)) return fault;
    throw fault;
  }
  throw new Error('was accepted');
}

/** The code with which `work` is refused. @throws whatever else comes of it */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  return (await rejectionOf(work)).code;
}

/** The error with which `work` is refused. @throws whatever else comes of it */
export async function rejectionOf(work: Promise<unknown>): Promise<VmgateError> {
  const fault: unknown = await work.then(
    () => new Error('was accepted'),
    (cause: unknown) => cause,
  );
  if (VmgateError.is(fault)) return fault;
  throw fault;
}
