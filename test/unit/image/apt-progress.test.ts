import { expect, test } from '@jest/globals';
import { aptProgress } from '../../../src/image/apt-progress.ts';

function told(lines: readonly string[]): readonly object[] {
  const events: object[] = [];
  const listen = aptProgress({
    planned: (sizes) => events.push(sizes),
    advanced: (sizes) => events.push(sizes),
  });
  for (const line of lines) listen(line);
  return events;
}

test('counts packages from the plan on, a tenth at a time, never past the whole', () => {
  expect(
    told([
      'Get:1 http://mirror trixie InRelease [140 kB]',
      'Need to get 2,000 kB of archives.',
      'Get:7 http://mirror trixie/main amd64 a amd64 1:1 [100 kB]',
      'Get:8 http://mirror trixie/main amd64 b amd64 1 [400 kB]',
      'Get:9 http://mirror trixie/main amd64 c amd64 1 [9.9 MB]',
    ]),
  ).toEqual([
    { missingBytes: 2_000_000, totalBytes: 2_000_000 },
    { doneBytes: 500_000, totalBytes: 2_000_000 },
    { doneBytes: 2_000_000, totalBytes: 2_000_000 },
  ]);
});

test('knows when everything is cached', () => {
  expect(told(['Need to get 0 B/4009 kB of archives.', 'Get:7 http://m x [1 kB]'])).toEqual([
    { missingBytes: 0, totalBytes: 4_009_000 },
  ]);
});
