import { error, errorCodes, event, eventCodes } from '../core/coded.ts';

export const errors = errorCodes({
  HOME_UNSAFE: error<{ home: string; folder: string; why: string; fix: string }>({
    exit: 2,
    source: 'user',
    what: ({ home, folder, why }) => `vmgate's home folder ${home} is not safe: ${folder} ${why}`,
    remedy: ({ fix }) => fix,
    sample: {
      home: '/home/ann/.vmgate',
      folder: '/home/ann/.vmgate',
      why: 'can be written by other users',
      fix: 'chmod go-w /home/ann/.vmgate',
    },
  }),
  HOME_UNUSABLE: error<{ folder: string; why: string }>({
    exit: 2,
    source: 'user',
    what: ({ folder, why }) => `vmgate's home folder ${folder} cannot be used: ${why}`,
    remedy: () => 'make it a folder you can write to, or set VMGATE_HOME to another one',
    sample: { folder: '/mnt/readonly/.vmgate', why: 'EROFS: read-only file system' },
  }),
  HOME_SOCKET_PATH_TOO_LONG: error<{ folder: string; bytes: number; most: number }>({
    exit: 2,
    source: 'user',
    what: ({ folder, bytes, most }) => `socket paths under ${folder} would have ${bytes} bytes; systems allow ${most}`,
    remedy: () => 'set VMGATE_HOME to a shorter path, for example ~/.vmgate',
    sample: { folder: '/home/ann/a/very/long/path', bytes: 140, most: 103 },
  }),
  HOME_LOCKED: error<{ what: string; pid: number }>({
    exit: 2,
    source: 'user',
    what: ({ what, pid }) => `${what} is in use by another vmgate process (pid ${pid})`,
    remedy: ({ pid }) => `wait for it to end, or look at it with: ps -p ${pid} -o pid,etime,args`,
    sample: { what: '/home/ann/.vmgate/gates/default/lock', pid: 4711 },
  }),
  HOME_WRITE_FAILED: error<{ file: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ file, why }) => `could not write ${file}: ${why}`,
    remedy: () => 'free some space or fix the permissions there; the space is shown by: df -h',
    sample: { file: '/home/ann/.vmgate/trusted.json', why: 'ENOSPC: no space left on device' },
  }),
});

export const events = eventCodes({
  HOME_JOURNAL_GAP: event<{ lost: number; why: string }>({
    level: 'warn',
    text: ({ lost, why }) =>
      `${lost} ${lost === 1 ? 'event is' : 'events are'} missing here, they could not be written: ${why}`,
    sample: { lost: 12, why: 'ENOSPC: no space left on device, write' },
  }),
});
