/** What every page of vmgate looks like, light and dark. State is shown by words and shapes as well as by colour. */
export const BASE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f8; --card: #ffffff; --ink: #14191f; --dim: #56616d; --line: #d9dee3; --grid: #e9ecef;
  --open: #14866d; --closed: #b7791f; --violated: #c62839; --down: #9aa5b1; --silent: #aab4be;
  --in: #2f6fde; --out: #8a4fd1; --focus: #2f6fde;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1317; --card: #171c22; --ink: #e7ecf1; --dim: #9ba7b4; --line: #2b333c; --grid: #232a32;
    --open: #2fb897; --closed: #e0a440; --violated: #ff5d6c; --down: #67727f; --silent: #55616d;
    --in: #6ea3ff; --out: #bd8dff; --focus: #8ab4ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 40px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 16px; margin: 0 0 10px; }
p { margin: 4px 0 0; }
.dim { color: var(--dim); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.facts dt { color: var(--dim); font-size: 13px; }
.facts dd { margin: 2px 0 0; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums; }
.facts small { display: block; color: var(--dim); font-size: 12px; font-weight: 400; }
.facts .alarm { border-color: var(--violated); }
.facts .alarm dd { color: var(--violated); }
section, figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 0 0 16px; padding: 16px; }
[hidden] { display: none; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--focus); border-radius: 4px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 600; font-size: 13px; color: var(--dim); }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td { overflow-wrap: anywhere; }
.when { white-space: nowrap; font-variant-numeric: tabular-nums; width: 1%; }
.state { white-space: nowrap; width: 1%; font-weight: 600; }
.state svg { width: 12px; height: 12px; margin-right: 7px; vertical-align: -1px; }
.warn td:nth-child(2), .error td:nth-child(2) { font-weight: 600; }
.error td { color: var(--violated); }
code { font: 13px/1.4 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
summary { cursor: pointer; font-weight: 600; font-size: 16px; }
details[open] summary { margin-bottom: 10px; }
footer { color: var(--dim); font-size: 13px; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  main { padding: 18px 12px 28px; }
  section, figure { padding: 12px; }
  .facts { grid-template-columns: repeat(2, 1fr); gap: 8px; }
  .facts div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .states thead { position: absolute; clip-path: inset(50%); }
  .states tr { display: grid; grid-template-columns: auto auto 1fr; border-bottom: 1px solid var(--grid); padding: 4px 0; }
  .states tr:last-child { border-bottom: 0; }
  .states td { border: 0; padding: 2px 12px 2px 0; width: auto; }
  .states .state { white-space: normal; }
  .states td:last-child { grid-column: 1 / -1; color: var(--dim); }
  .states td:empty { display: none; }
}
@media print { body { background: none; } section, figure, .facts div { break-inside: avoid; } }
`;
