/**
 * npm run bench [-- --json] [--runs N] [--only ID,ID...]
 *
 * Measures the built program in dist/. Values are ratios within one run on one machine wherever that is possible;
 * the medians behind them are printed too. stdout is the result, stderr the progress. Exit 1: a row could not be
 * measured, whatever the others say; a row that misses its mark is a result, not an error.
 */
import { parseArgs } from 'node:util';
import { rounded } from './median.mjs';
import { ROWS } from './rows.mjs';
import { Stand } from './stand.mjs';

const RUNS = '5';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: RUNS },
    only: { type: 'string', default: ROWS.map(({ id }) => id).join(',') },
  },
});
const runs = Number(options.runs);
const wanted = options.only.split(',');
const unknown = wanted.filter((id) => !ROWS.some((row) => row.id === id));
if (!Number.isInteger(runs) || runs < 1 || unknown.length > 0) {
  process.stderr.write(`--runs is a number above 0; --only takes ${ROWS.map(({ id }) => id).join(', ')}\n`);
  process.exit(2);
}

const say = (line) => process.stderr.write(`${line}\n`);
const stand = new Stand(new URL('../dist/', import.meta.url), say);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await stand.close();
    process.exit(130);
  });
}

const results = [];
try {
  for (const row of ROWS.filter(({ id }) => wanted.includes(id))) {
    say(`measuring ${row.id}: ${row.about}`);
    results.push(await measured(row));
  }
} finally {
  await stand.close();
}
process.stdout.write(options.json ? `${JSON.stringify({ results })}\n` : table(results));
if (results.length < wanted.length || results.some(({ value }) => value === null)) process.exitCode = 1;

/** One row's result; what kept it from being measured stands in `raw.error`. */
async function measured({ id, unit, better, atLeast, aim, measure }) {
  const fixed = { unit, atLeast, aim };
  try {
    const { value, raw } = await measure(stand, runs);
    const ok = better === 'less' ? value <= atLeast : value >= atLeast;
    // The table is printed when all is measured, which takes long enough to be interrupted.
    say(`  ${id}: ${rounded(value)} ${unit}${ok ? '' : ', missed'}`);
    const medians = Object.entries(raw).map(([name, number]) => [name, rounded(number)]);
    return { id, value: rounded(value), ...fixed, ok, raw: Object.fromEntries(medians) };
  } catch (cause) {
    say(`  not measured: ${cause.message}`);
    return { id, value: null, ...fixed, ok: false, raw: { error: cause.message } };
  }
}

function table(rows) {
  const cells = rows.map(({ id, value, unit, atLeast, aim, ok, raw }) => [
    ok ? 'ok' : 'MISSED',
    id,
    value === null ? 'not measured' : `${value} ${unit}`,
    `must ${atLeast}`,
    `aim ${aim}`,
    Object.entries(raw)
      .map(([name, number]) => `${name} ${number}`)
      .join(', '),
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...cells.map((row) => row[column].length)));
  return cells.map((row) => `${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}\n`).join('');
}
