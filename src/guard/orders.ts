/** The supervisor's pipe, both directions: orders in, reports out. */
import type { Readable, Writable } from 'node:stream';
import { LineSplitter, parseJson } from '../host/index.ts';
import { type GuardOrder, type GuardReport, guardOrder } from './protocol.ts';

const MAX_ORDER_BYTES = 65_536;
/** Reports that may wait for a supervisor that does not read. */
const MAX_WAITING = 65_536;

/**
 * Calls `obey` for each order and `over` once: at the end of the pipe, or at a line that is no order. Either way
 * nobody is left whose orders count.
 */
export function readOrders(
  stdin: Readable,
  obey: (order: GuardOrder) => void,
  over: (why: string, status: 0 | 1) => void,
): void {
  let isOver = false;
  const end = (why: string, status: 0 | 1) => {
    if (isOver) return;
    isOver = true;
    over(why, status);
  };
  const lines = new LineSplitter((line) => {
    if (isOver) return;
    const order = guardOrder.safeParse(parseJson(line));
    if (order.success) obey(order.data);
    else end('a line that is no order', 1);
  }, MAX_ORDER_BYTES);
  stdin.on('data', (chunk: Buffer) => lines.push(chunk));
  stdin.on('end', () => end('the orders ended', 0));
  stdin.on('close', () => end('the orders ended', 0));
  stdin.on('error', (cause) => end(cause.message, 1));
}

/** Sends a report unless too many already wait; false when it was not sent. */
export function sendReport(stdout: Writable, report: GuardReport): boolean {
  if (stdout.writableLength > MAX_WAITING || !stdout.writable) return false;
  stdout.write(`${JSON.stringify(report)}\n`);
  return true;
}
