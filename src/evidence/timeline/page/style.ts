/** The page's style sheet. State is shown by height and pattern as well as by colour. */
export const STYLE = `
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
.plot { position: relative; margin: 0 8px 0 64px; outline-offset: 4px; cursor: crosshair; touch-action: pan-y; }
.plot:focus-visible { outline: 2px solid var(--focus); border-radius: 4px; }
.plot svg { display: block; width: 100%; height: 308px; overflow: visible; }
.plot text { fill: var(--dim); font-size: 12px; font-variant-numeric: tabular-nums; }
.plot .row { text-anchor: end; }
.grid { stroke: var(--grid); }
.axis { stroke: var(--line); }
.hour { text-anchor: middle; }
.open { fill: var(--open); } .closed { fill: var(--closed); } .violated { fill: var(--violated); }
.down { fill: var(--down); } .silent { fill: none; stroke: var(--silent); stroke-dasharray: 3 3; }
.in { fill: var(--in); } .out { fill: var(--out); }
.plot .alarm { fill: var(--violated); font-weight: 600; text-anchor: middle; }
.now { stroke: var(--dim); stroke-dasharray: 2 3; }
.cursor { position: absolute; top: 0; bottom: 24px; width: 1px; background: var(--ink); opacity: 0.55; pointer-events: none; }
.tip { position: absolute; top: 152px; z-index: 1; width: max-content; max-width: min(340px, 80vw); padding: 8px 10px; pointer-events: none;
  background: var(--card); color: var(--ink); border: 1px solid var(--line); border-radius: 8px; font-size: 13px; line-height: 1.4;
  box-shadow: 0 6px 20px rgb(0 0 0 / 18%); overflow-wrap: anywhere; }
.tip div:first-child { font-weight: 600; font-variant-numeric: tabular-nums; }
[hidden] { display: none; }
figcaption { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 14px 8px 0 64px; font-size: 13px; color: var(--dim); }
.key { display: inline-flex; align-items: center; gap: 6px; }
.key svg { width: 16px; height: 14px; }
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
  .plot { margin-left: 56px; margin-right: 6px; }
  figcaption { margin-left: 0; margin-right: 0; }
  .plot text { font-size: 11px; }
  .minor { display: none; }
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
