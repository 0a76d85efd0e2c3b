/** Codes of what listens on this machine: `vmgate proxy` and `vmgate forward`. */
import { error, errorCodes } from '../core/coded.ts';

const usage = { exit: 2, source: 'user' } as const;

export const errors = errorCodes({
  PROXY_PORT_TAKEN: error<{ port: number }>({
    ...usage,
    what: ({ port }) => `port ${port} of this machine is taken: another program listens on it`,
    remedy: () => 'name another port, or 0 for a free one',
    sample: { port: 8_080 },
  }),
  PROXY_PORT_FORBIDDEN: error<{ port: number }>({
    ...usage,
    what: ({ port }) => `this system lets only root listen on port ${port}`,
    remedy: () => 'name a port of 1024 or more, or 0 for a free one',
    sample: { port: 80 },
  }),
  PROXY_SOCKET_TAKEN: error<{ path: string }>({
    ...usage,
    what: ({ path }) => `${path} is there already, and is no socket left from an earlier run`,
    remedy: () => 'name another path with --socket, or remove what is there',
    sample: { path: '/run/user/1000/vmgate-proxy.sock' },
  }),
  PROXY_SOCKET_UNSAFE: error<{ path: string; why: string; fix: string }>({
    ...usage,
    what: ({ path, why }) => `no socket is put at ${path}: ${why}`,
    remedy: ({ fix }) => fix,
    sample: {
      path: '/srv/shared/proxy.sock',
      why: '/srv/shared can be written by other users',
      fix: 'chmod go-w /srv/shared',
    },
  }),
  PROXY_LISTEN_FAILED: error<{ where: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ where, why }) => `vmgate cannot listen on ${where}: ${why}`,
    remedy: () => 'another place may do: --socket PATH, or another port; what else may be wrong here: vmgate doctor',
    sample: { where: '127.0.0.1 port 8080', why: 'too many open files' },
  }),
});
