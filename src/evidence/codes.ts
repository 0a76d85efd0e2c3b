/** Error codes of the evidence room. */
import { error, errorCodes } from '../core/coded.ts';

export const errors = errorCodes({
  EVIDENCE_UNREADABLE: error<{ file: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ file, why }) => `the evidence in ${file} cannot be read: ${why}`,
    remedy: ({ file }) => `move ${file} away; what happened is in the journal too: vmgate logs`,
    sample: { file: '~/.vmgate/gates/default/evidence/first.pcap', why: 'it is no pcap file' },
  }),
  EVIDENCE_EXISTS: error<{ file: string }>({
    exit: 2,
    source: 'user',
    what: ({ file }) => `${file} exists already, and evidence never replaces a file`,
    remedy: () => 'name another file: vmgate evidence --export FILE',
    sample: { file: 'leak.pcap' },
  }),
  EVIDENCE_NOT_WRITTEN: error<{ file: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ file, why }) => `${file} could not be written: ${why}`,
    remedy: () => 'name a file in a folder with room in it that is yours: vmgate evidence --export FILE',
    sample: { file: '/mnt/full/leak.pcap', why: 'ENOSPC: no space left on device' },
  }),
});
