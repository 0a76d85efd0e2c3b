/** The one question that the kernel answers with all of its rules and tables: from which address would this go out? */
import { createSocket } from 'node:dgram';
import { errnoOf } from '../host/index.ts';

/** udp(7), ip(7): no network, no route, a route that says no. */
const NO_WAY: readonly string[] = ['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EACCES', 'EINVAL'];
/** Of nothing: a connected UDP socket has sent no packet. */
const PORT = 9;

/**
 * The source address toward an IPv4 address; undefined when there is no way. Sends nothing.
 *
 * @throws what else keeps a socket from being made, e.g. EMFILE
 */
export function sourceToward(target: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const end = (settle: () => void) => {
      socket.removeAllListeners();
      // Late news of a socket that is closed already.
      socket.on('error', () => {});
      socket.close();
      settle();
    };
    const fail = (cause: unknown) =>
      end(() => (NO_WAY.includes(errnoOf(cause) ?? '') ? resolve(undefined) : reject(cause)));
    socket.once('error', fail);
    socket.connect(PORT, target, (cause?: Error) => {
      if (cause !== undefined && cause !== null) return fail(cause);
      const { address } = socket.address();
      return end(() => resolve(address));
    });
  });
}
