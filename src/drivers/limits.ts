/** Limits that a driver meets before the machine does, so that the error is ours and names the remedy. */
import { VmgateError } from '../core/coded.ts';
import { MAX_SOCKET_PATH } from '../home/layout.ts';
import { errors } from './codes.ts';

/** An Ethernet header alone, and one with a payload of 1,500 bytes; without FCS. */
const FRAME_BYTES = { least: 14, most: 1_514 } as const;

/** @throws DRIVER_SOCKET_PATH_TOO_LONG */
export function requireShortSocket(path: string): void {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) throw longSocket(path);
}

export function longSocket(path: string): VmgateError {
  const bytes = Buffer.byteLength(path);
  return VmgateError.of(errors.DRIVER_SOCKET_PATH_TOO_LONG, { path, bytes, most: MAX_SOCKET_PATH });
}

/** @throws RangeError: the frame is vmgate's own, and wrong */
export function requireFrameSize({ length }: Buffer): void {
  if (length >= FRAME_BYTES.least && length <= FRAME_BYTES.most) return;
  throw new RangeError(`a frame of ${length} bytes does not fit on an Ethernet`);
}
