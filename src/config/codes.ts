import { error, errorCodes } from '../core/coded.ts';

/** One thing wrong with a configuration file; lines and columns count from 1. */
export interface ConfigIssue {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path of the key concerned; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

export function renderIssue(issue: ConfigIssue): string {
  return `${issue.file}:${issue.line}:${issue.column}: ${issue.message}`;
}

const sampleIssue: ConfigIssue = {
  file: '/home/ann/acme/vmgate.yaml',
  line: 4,
  column: 3,
  key: 'verify.evrey',
  message: 'unknown key "evrey" in verify, did you mean "every"?',
};

export const errors = errorCodes({
  CONFIG_MISSING: error<{ folder: string; home: string }>({
    exit: 2,
    source: 'user',
    what: ({ folder, home }) => `there is no vmgate.yaml in ${folder} and none in ${home}`,
    remedy: () => 'vmgate init',
    sample: { folder: '/home/ann/acme', home: '/home/ann/.vmgate' },
  }),
  CONFIG_UNREADABLE: error<{ file: string; why: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, why }) => `${file} cannot be read: ${why}`,
    remedy: ({ file }) => `ls -l ${file}`,
    sample: { file: '/home/ann/acme/vmgate.yaml', why: 'it is larger than 64 KiB' },
  }),
  CONFIG_INVALID: error<{ issues: readonly ConfigIssue[] }>({
    exit: 2,
    source: 'user',
    what: ({ issues: [first = sampleIssue, ...more] }) =>
      renderIssue(first) + (more.length === 0 ? '' : ` (and ${more.length} more below)`),
    remedy: ({ issues: [first = sampleIssue] }) =>
      `correct ${first.file} at line ${first.line}; every key is described by: vmgate schema`,
    sample: { issues: [sampleIssue] },
  }),
  CONFIG_NOT_EDITABLE: error<{ file: string; why: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, why }) => `${file} was not changed: ${why}`,
    remedy: ({ file }) => `change its key work by hand: ${file}`,
    sample: { file: '/home/ann/acme/vmgate.yaml', why: 'the change would change more than it should' },
  }),
  CONFIG_TEMPLATE_ABSENT: error<{ references: readonly string[]; folder: string }>({
    exit: 6,
    source: 'user',
    what: ({ references, folder }) =>
      `vmgate.yaml in ${folder} takes part of what it says from ${references.join(' and ')}, which was not read here yet`,
    remedy: ({ references }) => `vmgate init ${references.join(' ')}`,
    sample: { references: ['registry.example.com/team/dev:3'], folder: '/home/ann/acme' },
  }),
  CONFIG_LOOSENS: error<{ issues: readonly ConfigIssue[] }>({
    exit: 2,
    source: 'user',
    what: ({ issues: [first = sampleIssue] }) => renderIssue(first),
    remedy: ({ issues: [first = sampleIssue] }) =>
      first.file.endsWith('vmgate.local.yaml')
        ? `take ${first.key} out of vmgate.local.yaml, or change it in vmgate.yaml where the team sees it`
        : `take ${first.key} out of vmgate.yaml, or have it changed in the template`,
    sample: {
      issues: [
        {
          file: '/home/ann/acme/vmgate.local.yaml',
          line: 2,
          column: 17,
          key: 'verify.maxAge',
          message: 'vmgate.local.yaml can only tighten: maxAge may be at most 60s',
        },
      ],
    },
  }),
});
