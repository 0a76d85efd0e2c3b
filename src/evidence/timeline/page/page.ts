/**
 * A day as one HTML file. What was journaled came from guests and networks: it is escaped, and could do nothing if it were
 * not (document.ts).
 */
import { bytesText, countText, spanText } from '../../../core/amounts.ts';
import type { CodedEvent } from '../../../core/coded.ts';
import { escapeLine } from '../../../host/index.ts';
import { dateText, minuteText, secondText, type Zone, zoneText } from '../clock.ts';
import type { Day } from '../day.ts';
import { type View, viewOf } from '../view.ts';
import { binLines, STATE_WORDS, whyText } from '../words.ts';
import { chart, swatch, trafficSwatch } from './chart.ts';
import { htmlDocument } from './document.ts';
import { escapeHtml, scriptJson } from './markup.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

export interface PageFacts {
  readonly zone: Zone;
  /** For the foot of the page: what made it, when, and what the evidence and the receipt are. One sentence each. */
  readonly notes: readonly string[];
}

/** A page that opens in a moment; what is more is in the journal. */
const MAX_BANDS = 500;
const MAX_EVENTS = 2_000;
/** More than fit on a screen are folded away. */
const UNFOLDED = 40;

export function renderPage(day: Day, { zone, notes }: PageFacts): string {
  const view = viewOf(day, zone);
  const title = `gate ${escapeHtml(day.gate)}, ${dateText(zone, day.fromMs)}`;
  const bins = binLines(day, view.bins, zone).map((lines) => lines.map((line) => escapeLine(line, 200)));
  return htmlDocument({
    title,
    style: STYLE,
    main: [
      `<h1>Gate ${escapeHtml(day.gate)}</h1>`,
      `<p class="dim">${dateText(zone, day.fromMs)}${until(day, zone)}, times are ${zoneText(zone, day.fromMs, day.toMs)}</p>`,
      facts(day),
      figure(day, view, zone),
      states(day, zone),
      happenings(day, zone),
      footer(day, notes),
    ],
    data: [`<script type="application/json" id="day">${scriptJson(bins)}</script>`],
    script: SCRIPT,
  });
}

function until({ endMs, toMs }: Day, zone: Zone): string {
  return endMs < toMs ? ` until ${minuteText(zone, endMs)}` : '';
}

function facts({ totals }: Day): string {
  const { openMs, closedMs, violatedMs, losses, outBytes, inBytes, blocked, held } = totals;
  const fact = (name: string, value: string, note: string, isAlarm = false) =>
    `<div${isAlarm ? ' class="alarm"' : ''}><dt>${name}</dt><dd>${value}${note === '' ? '' : `<small>${note}</small>`}</dd></div>`;
  return [
    '<dl class="facts">',
    fact('Open', spanText(openMs), losses === 0 ? 'without a loss' : `closed by itself ${times(losses)}`),
    violatedMs > 0
      ? fact('Violated', spanText(violatedMs), `and closed for ${spanText(closedMs)}`, true)
      : fact('Closed', spanText(closedMs), 'coming up, or lost'),
    fact('Received', bytesText(inBytes), 'as the gateway says'),
    fact('Sent', bytesText(outBytes), 'as the guard counted'),
    fact(
      'Blocked',
      countText(blocked, 'frame'),
      held === 0 ? 'that are not the VPN' : `and ${countText(held, 'frame')} while closed`,
      blocked > 0,
    ),
    '</dl>',
  ].join('\n');
}

function times(count: number): string {
  return count === 1 ? 'once' : countText(count, 'time');
}

function figure(day: Day, view: View, zone: Zone): string {
  const { bins, fromMs, toMs, isWholeDay } = view;
  const reached = bins.findIndex((bin) => bin.toMs >= day.endMs);
  const last = bins.length - 1;
  const name = isWholeDay ? 'The day' : `From ${minuteText(zone, fromMs)} to ${endText(toMs, day, zone)}`;
  return [
    '<figure>',
    `<h2>${name}</h2>`,
    `<div class="plot" id="plot" tabindex="0" role="slider" aria-label="Time of day; the arrow keys move by five minutes" aria-valuemin="0" aria-valuemax="${last}" aria-valuenow="${reached < 0 ? last : reached}" aria-valuetext="${escapeHtml(summary(day))}">`,
    chart(day, view, zone),
    '<div class="cursor" id="cursor" hidden></div>',
    '<div class="tip" id="tip" hidden></div>',
    '</div>',
    '<figcaption>',
    ...(['open', 'closed', 'violated', 'down', 'silent'] as const).map((state) =>
      key(swatch(state), STATE_WORDS[state]),
    ),
    key(trafficSwatch('in'), 'received'),
    key(trafficSwatch('out'), 'sent'),
    '</figcaption>',
    '</figure>',
  ].join('\n');
}

/** Midnight at the end of a day is 24:00. */
function endText(atMs: number, day: Day, zone: Zone): string {
  return atMs >= day.toMs ? '24:00' : minuteText(zone, atMs);
}

function summary({ totals }: Day): string {
  const { openMs, closedMs, blocked } = totals;
  return `open ${spanText(openMs)}, closed ${spanText(closedMs)}, blocked ${countText(blocked, 'frame')}`;
}

function key(mark: string, name: string): string {
  return `<span class="key">${mark}${name}</span>`;
}

function states({ bands }: Day, zone: Zone): string {
  const shown = bands.slice(-MAX_BANDS);
  const rows = shown.map((band, index) => {
    return [
      `<tr><td class="when">${secondText(zone, band.fromMs)}</td>`,
      `<td class="when">${spanText(band.toMs - band.fromMs)}</td>`,
      `<td class="state">${swatch(band.state)}${STATE_WORDS[band.state]}</td>`,
      `<td>${escapeHtml(whyText(band, shown[index + 1]))}</td></tr>`,
    ].join('');
  });
  return table('States', ['From', 'For', 'State', 'Why'], rows, bands.length - rows.length, 'state');
}

function happenings({ events }: Day, zone: Zone): string {
  // States have a table of their own.
  const told = events.filter(({ code }) => code !== 'GATE_PHASE');
  const rows = told.slice(-MAX_EVENTS).map((event) => eventRow(event, zone));
  return table('What happened', ['At', 'What'], rows, told.length - rows.length, 'event');
}

function eventRow({ at, level, code, text }: CodedEvent, zone: Zone): string {
  const loud = level === 'info' ? '' : ` class="${level}"`;
  return `<tr${loud}><td class="when">${secondText(zone, Date.parse(at))}</td><td title="${escapeHtml(code, 64)}">${escapeHtml(text)}</td></tr>`;
}

/** Long ones are folded: the chart is what one looks at first. `left`: rows that are not among them. */
function table(
  name: string,
  columns: readonly string[],
  rows: readonly string[],
  left: number,
  what: 'state' | 'event',
): string {
  const head = columns.map((column) => `<th scope="col">${column}</th>`).join('');
  const note = left > 0 ? `<p class="dim">${countText(left, what)} before these: vmgate logs</p>` : '';
  const body =
    rows.length === 0
      ? '<p class="dim">Nothing was recorded on this day.</p>'
      : `<table class="${what}s"><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`;
  if (rows.length <= UNFOLDED) return `<section><h2>${name}</h2>${note}${body}</section>`;
  return `<section><details><summary>${name} (${countText(rows.length, what)})</summary>${note}${body}</details></section>`;
}

function footer({ unreadable }: Day, notes: readonly string[]): string {
  const damage =
    unreadable === 0
      ? []
      : [
          `${countText(unreadable, 'line')} of the records could not be read and ${unreadable === 1 ? 'is' : 'are'} left out.`,
        ];
  return `<footer>${[...damage, ...notes].map((note) => `<p>${escapeHtml(note)}</p>`).join('')}</footer>`;
}
