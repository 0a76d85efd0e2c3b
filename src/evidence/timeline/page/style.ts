/** The style sheet of a day's page. State is shown by height and pattern as well as by colour. */
import { BASE_STYLE } from './base-style.ts';

export const STYLE = `${BASE_STYLE}
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
figcaption { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 14px 8px 0 64px; font-size: 13px; color: var(--dim); }
.key { display: inline-flex; align-items: center; gap: 6px; }
.key svg { width: 16px; height: 14px; }
@media (max-width: 640px) {
  .plot { margin-left: 56px; margin-right: 6px; }
  figcaption { margin-left: 0; margin-right: 0; }
  .plot text { font-size: 11px; }
  .minor { display: none; }
}
`;
