/** A drill's report as one HTML file that anybody can open and read: what was tried, what was seen, what it means. Pure. */
import { BASE_STYLE, escapeHtml, htmlDocument } from '../evidence/index.ts';
import { summaryOf } from './drill-text.ts';
import type { Observation, Outcome } from './judge.ts';
import { saw } from './observed.ts';
import type { CaseReport, DrillReport } from './report.ts';

export interface DrillPageFacts {
  /** What made it, and when. One sentence. */
  readonly made: string;
}

const MARKS: Readonly<Record<Outcome, { readonly mark: string; readonly word: string }>> = {
  held: { mark: '✓', word: 'held' },
  leaked: { mark: '✗', word: 'leaked' },
  blind: { mark: '?', word: 'proves nothing' },
  stuck: { mark: '…', word: 'no end' },
  untried: { mark: '–', word: 'not tried' },
};

const HEADLINES: Readonly<Record<DrillReport['outcome'], string>> = {
  held: 'Nothing leaked',
  leaked: 'It leaked',
  blind: 'Some of it proves nothing',
  stuck: 'Some of it did not come to an end',
  interrupted: 'Interrupted',
};

const MEANING = [
  'Each case was tried twice, on two networks of their own: at a whole gate, and where guard and firewall are taken away.',
  'Held means: nothing of it was to be read on the untrusted network, and without the defences it was. Without the second half, silence would prove nothing.',
];

const STYLE = `${BASE_STYLE}
.verdict { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; margin: 0 0 6px; }
.lead { margin: 0 0 20px; color: var(--dim); max-width: 78ch; }
.chip { display: inline-block; white-space: nowrap; border-radius: 999px; padding: 1px 10px; font-size: 13px; font-weight: 600;
  color: var(--page); background: var(--down); }
.chip.held { background: var(--open); } .chip.leaked { background: var(--violated); }
.chip.blind, .chip.stuck { background: var(--closed); }
.cases td { padding-top: 8px; padding-bottom: 8px; }
.cases .case { width: 30%; } .cases .case b { display: block; } .cases .case span { color: var(--dim); font-size: 13px; }
.cases .number { width: 1%; white-space: nowrap; color: var(--dim); font-variant-numeric: tabular-nums; }
.cases .outcome { width: 1%; white-space: nowrap; }
.why { margin: 6px 0 0; padding-left: 18px; color: var(--violated); font-size: 13px; }
.blind .why, .stuck .why { color: var(--closed); }
ul.plain { margin: 0; padding-left: 18px; } ul.plain li { margin: 2px 0; }
@media (max-width: 640px) {
  .cases thead { position: absolute; clip-path: inset(50%); }
  .cases tr { display: grid; grid-template-columns: auto 1fr auto; column-gap: 10px; border-bottom: 1px solid var(--grid); padding: 8px 0; }
  .cases tr:last-child { border-bottom: 0; }
  .cases td { border: 0; padding: 2px 0; width: auto; }
  .cases .seen { grid-column: 1 / -1; font-size: 13px; }
  .cases .seen::before { content: attr(data-run) ": "; color: var(--dim); }
}
`;

export function drillPage(report: DrillReport, { made }: DrillPageFacts): string {
  return htmlDocument({
    title: `vmgate drill: ${HEADLINES[report.outcome]}`,
    style: STYLE,
    main: [
      `<div class="verdict"><h1>${HEADLINES[report.outcome]}</h1>${chip(chipOf(report))}</div>`,
      `<p class="lead">${escapeHtml(summaryOf(report))}. ${MEANING.join(' ')}</p>`,
      facts(report),
      cases(report.cases),
      list('The gate that was drilled', report.setup),
      list(
        'Not here',
        report.notHere.map(({ numbers, what, why }) => `${numbers.join(', ')}: ${what}: ${why}`),
      ),
      `<footer><p>${escapeHtml(made)} Nothing in this page is loaded from anywhere.</p></footer>`,
    ],
  });
}

function chipOf({ outcome, counts }: DrillReport): Outcome {
  if (outcome === 'interrupted') return 'untried';
  return counts.leaked > 0 ? 'leaked' : outcome;
}

function chip(outcome: Outcome): string {
  const { mark, word } = MARKS[outcome];
  return `<span class="chip ${outcome}">${mark} ${word}</span>`;
}

function facts({ cases: all, counts, seconds }: DrillReport): string {
  const sum = (of: (seen: Observation) => number, run: 'guarded' | 'bare') =>
    all.reduce((total, each) => total + (each[run] === null ? 0 : of(each[run])), 0);
  const fact = (name: string, value: string, note: string, isAlarm = false) =>
    `<div${isAlarm ? ' class="alarm"' : ''}><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`;
  const leaked = sum((seen) => Math.max(seen.leaked, seen.clear.length), 'guarded');
  const slowest = Math.max(0, ...all.map(({ guarded }) => guarded?.recoverMs ?? 0));
  return [
    '<dl class="facts">',
    fact('Held', `${counts.held} of ${all.length}`, 'leak cases'),
    fact('In clear', grouped(leaked), `of ${grouped(sum(({ tried }) => tried, 'guarded'))} frames tried`, leaked > 0),
    fact(
      'Without defences',
      grouped(sum((seen) => Math.max(seen.leaked, seen.clear.length), 'bare')),
      'frames in clear',
    ),
    fact('Slowest recovery', `${(slowest / 1_000).toFixed(1)} s`, 'to the first answer in the work VM'),
    fact('Took', `${Math.floor(seconds / 60)} min ${seconds % 60} s`, 'both runs side by side'),
    '</dl>',
  ].join('\n');
}

function grouped(count: number): string {
  return count.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** What one has to know comes first. */
const ORDER: readonly Outcome[] = ['leaked', 'blind', 'stuck', 'held', 'untried'];

function cases(all: readonly CaseReport[]): string {
  const sorted = ORDER.flatMap((outcome) => all.filter((each) => each.outcome === outcome));
  const head = ['Case', 'What was tried', 'Verdict', 'With vmgate', 'Defences taken away'];
  return [
    '<section><h2>Cases</h2><table class="cases"><thead>',
    `<tr>${head.map((title) => `<th scope="col">${title}</th>`).join('')}</tr></thead><tbody>`,
    ...sorted.map(row),
    '</tbody></table></section>',
  ].join('\n');
}

function row({ numbers, name, about, outcome, why, guarded, bare }: CaseReport): string {
  const reasons = (outcome === 'untried' ? [] : why).map((line) => `<li>${escapeHtml(line)}</li>`).join('');
  return [
    `<tr class="${outcome}"><td class="number">${numbers.join(', ')}</td>`,
    `<td class="case"><b>${escapeHtml(name)}</b><span>${escapeHtml(about)}</span></td>`,
    `<td class="outcome">${chip(outcome)}</td>`,
    `<td class="seen" data-run="with vmgate">${shown(guarded)}${reasons === '' ? '' : `<ul class="why">${reasons}</ul>`}</td>`,
    `<td class="seen" data-run="defences taken away">${shown(bare)}</td></tr>`,
  ].join('');
}

function shown(observation: Observation | null): string {
  return observation === null ? '–' : escapeHtml(saw(observation));
}

function list(name: string, lines: readonly string[]): string {
  const items = lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('\n');
  return `<section><h2>${name}</h2><ul class="plain">\n${items}\n</ul></section>`;
}
