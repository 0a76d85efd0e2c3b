/**
 * One HTML file that is whole in itself: no external resource, no style and no script but its own, which the policy in its
 * head names by their digests.
 */
import { createHash } from 'node:crypto';

export interface HtmlParts {
  /** Escaped already, as all of this is. */
  readonly title: string;
  readonly style: string;
  readonly main: readonly string[];
  /** What stands behind the main part: data for the script. */
  readonly data?: readonly string[];
  readonly script?: string;
}

export function htmlDocument({ title, style, main, data = [], script }: HtmlParts): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy(style, script)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    '<main>',
    ...main,
    '</main>',
    ...data,
    ...(script === undefined ? [] : [`<script>${script}</script>`]),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function policy(style: string, script: string | undefined): string {
  const digest = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return [
    "default-src 'none'",
    `style-src ${digest(style)}`,
    `script-src ${script === undefined ? "'none'" : digest(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}
