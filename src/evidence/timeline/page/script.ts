/**
 * The page's script: a cursor over the chart, by pointer and by keyboard, and what was there. Every sentence was made
 * beforehand and is set as text. Without it the page says the same in its tables.
 */
export const SCRIPT = `
'use strict';
(() => {
  const bins = JSON.parse(document.getElementById('day').textContent);
  const plot = document.getElementById('plot');
  const cursor = document.getElementById('cursor');
  const tip = document.getElementById('tip');
  let at = -1;
  const show = (index) => {
    at = Math.max(0, Math.min(bins.length - 1, index));
    const lines = bins[at];
    const share = (at + 0.5) / bins.length;
    cursor.style.left = share * 100 + '%';
    tip.replaceChildren(...lines.map((line) => {
      const row = document.createElement('div');
      row.textContent = line;
      return row;
    }));
    cursor.hidden = false;
    tip.hidden = false;
    const room = plot.clientWidth;
    const wide = tip.offsetWidth;
    const left = share < 0.5 ? share * room + 12 : share * room - wide - 12;
    tip.style.left = Math.max(-40, Math.min(room - wide, left)) + 'px';
    plot.setAttribute('aria-valuenow', String(at));
    plot.setAttribute('aria-valuetext', lines.join('. '));
  };
  const hide = () => {
    cursor.hidden = true;
    tip.hidden = true;
  };
  const under = (event) => {
    const { left, width } = plot.getBoundingClientRect();
    show(Math.floor(((event.clientX - left) / width) * bins.length));
  };
  plot.addEventListener('pointermove', under);
  plot.addEventListener('pointerdown', under);
  plot.addEventListener('pointerleave', () => {
    if (document.activeElement !== plot) hide();
  });
  plot.addEventListener('focus', () => {
    if (tip.hidden) show(at < 0 ? Number(plot.getAttribute('aria-valuenow')) : at);
  });
  plot.addEventListener('blur', hide);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -12, PageUp: 12, Home: -1e9, End: 1e9 };
  plot.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') return hide();
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(at + step);
  });
})();
`;
