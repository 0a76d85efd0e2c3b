/** What this machine lacks for a suite. A skipped suite says why, on stderr: silence would pass for success. */
import { describe, test } from '@jest/globals';
import { findTool } from '../src/host/index.ts';

/** `describe`, or `describe.skip` once the reason was printed. */
export function describeUnless(obstacle: string | undefined, what: string): typeof describe.skip {
  return said(obstacle, what) ? describe.skip : describe;
}

export function testUnless(obstacle: string | undefined, what: string): typeof test.skip {
  return said(obstacle, what) ? test.skip : test;
}

function said(obstacle: string | undefined, what: string): boolean {
  if (obstacle !== undefined) process.stderr.write(`skipped: ${what}: ${obstacle}\n`);
  return obstacle !== undefined;
}

export function missing(...tools: readonly string[]): string | undefined {
  const absent = tools.filter((tool) => findTool(tool) === undefined);
  return absent.length === 0 ? undefined : `not installed: ${absent.join(', ')}`;
}

export function notRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'needs root';
}
