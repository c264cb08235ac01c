// Curves (uPlot) and scatter plots (SVG).
import uPlot from '../webjars/uplot/1.6.30/dist/uPlot.esm.js';
import { colour, h, s, tip } from './dom.js';
import { count, figure, spread, tick } from './notation.js';

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Exponential moving average; gaps stay gaps. */
function smoothed(values, weight) {
  if (weight === 0) return values;
  let mean = null;
  let trust = 0;
  return values.map((v) => {
    if (v === null || v === undefined) return v;
    mean = mean === null ? v * (1 - weight) : mean * weight + v * (1 - weight);
    trust = trust * weight + (1 - weight);
    return mean / trust;
  });
}

/**
 * Curves over steps. `curves` is [{name, mark, colour, dash, points: [[step, value]]}], the mark being a short name; `zoomed` is told of the stretch of steps that
 * is dragged over, and of nothing when it is left by a double click.
 */
export function curveChart({ height = 300, zoomed = () => {} } = {}) {
  const box = h('div', { class: 'plot' });
  let plot = null;
  let curves = [];
  let log = true;
  let smoothing = 0;

  function build() {
    const steps = [...new Set(curves.flatMap((c) => c.points.map((p) => p[0])))].sort((a, b) => a - b);
    const place = new Map(steps.map((step, i) => [step, i]));
    const data = [steps];
    for (const c of curves) {
      const values = new Array(steps.length).fill(undefined);
      for (const [step, value] of c.points) values[place.get(step)] = log && value !== null && value <= 0 ? null : value;
      const weight = smoothing;
      let shown = values;
      if (weight > 0) {
        const known = values.map((v, i) => [v, i]).filter(([v]) => v !== undefined);
        const smooth = smoothed(
          known.map(([v]) => v),
          weight,
        );
        shown = new Array(steps.length).fill(undefined);
        known.forEach(([, i], k) => {
          shown[i] = smooth[k];
        });
      }
      data.push(shown);
    }
    const ink = css('--soft');
    const grid = { stroke: css('--line'), width: 1 };
    const hidden = plot
      ? plot.series
          .slice(1)
          .filter((x) => !x.show)
          .map((x) => x.label)
      : [];
    if (plot) plot.destroy();
    box.replaceChildren();
    if (!steps.length) {
      plot = null;
      box.append(h('div', { class: 'empty' }, 'No points yet: curves appear with the first training steps.'));
      return;
    }
    plot = new uPlot(
      {
        width: Math.max(260, box.clientWidth),
        height,
        // With many curves, drawing all of them again for each that comes near the pointer would stutter.
        cursor: { drag: { x: true, y: false }, focus: { prox: curves.length <= 8 ? 24 : -1 } },
        focus: { alpha: 0.35 },
        scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
        axes: [
          { stroke: ink, grid, label: 'step', labelSize: 18, labelFont: '11px system-ui', font: '11px system-ui', size: 34 },
          {
            stroke: ink,
            grid,
            font: '11px system-ui',
            size: 58,
            values: (_plot, ticks) => ticks.map((v) => (v === null ? '' : tick(v))),
          },
        ],
        series: [
          { label: 'step' },
          ...curves.map((c) => ({
            label: c.name,
            stroke: c.colour,
            dash: c.dash,
            width: 1.5,
            spanGaps: true,
            points: { show: false },
            show: !hidden.includes(c.name),
            value: (_plot, v) => figure(v),
          })),
        ],
        // Names at the ends of the curves, and dashes: colour is not all that tells them apart.
        padding: [null, 40, null, null],
        legend: { markers: { dash: (_plot, i) => (curves[i - 1]?.dash?.length ? 'dashed' : 'solid') } },
        hooks: {
          draw: [(u) => nameEnds(u, curves)],
          setSelect: [
            (u) => {
              if (u.select.width > 4)
                zoomed(Math.round(u.posToVal(u.select.left, 'x')), Math.round(u.posToVal(u.select.left + u.select.width, 'x')));
            },
          ],
        },
      },
      data,
      box,
    );
    plot.over.addEventListener('dblclick', () => zoomed());
  }

  const observer = new ResizeObserver(() => {
    if (plot && Math.abs(plot.width - box.clientWidth) > 2) plot.setSize({ width: Math.max(260, box.clientWidth), height });
  });
  observer.observe(box);
  const again = () => build();
  addEventListener('themechange', again);
  return {
    element: box,
    show(next) {
      curves = next;
      build();
    },
    scale(isLog) {
      log = isLog;
      build();
    },
    smooth(weight) {
      smoothing = weight;
      build();
    },
    close() {
      observer.disconnect();
      removeEventListener('themechange', again);
      if (plot) plot.destroy();
    },
  };
}

/** Writes each mark where its curve ends, those that would cover one another below each other. */
function nameEnds(u, curves) {
  const ratio = devicePixelRatio || 1;
  const line = 11 * ratio;
  const ends = [];
  curves.forEach((c, i) => {
    if (!u.series[i + 1].show) return;
    const values = u.data[i + 1];
    for (let k = values.length - 1; k >= 0; k--) {
      if (!Number.isFinite(values[k])) continue;
      const [x, y] = [u.valToPos(u.data[0][k], 'x', true), u.valToPos(values[k], 'y', true)];
      if (x <= u.bbox.left + u.bbox.width + 1) ends.push({ x: x + 4 * ratio, y, text: c.mark || c.name });
      return;
    }
  });
  ends.sort((a, b) => a.y - b.y);
  const { ctx } = u;
  ctx.save();
  ctx.font = `${10 * ratio}px system-ui`;
  ctx.fillStyle = css('--ink');
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  let free = -Infinity;
  for (const end of ends) {
    free = Math.max(end.y, free + line);
    ctx.fillText(end.text.slice(0, 8), end.x, free);
  }
  ctx.restore();
}

/** A small curve for a row of a table. */
export function sparkline(values) {
  const width = 90;
  const height = 22;
  if (!values || values.length < 2) return h('span', { class: 'soft' }, '');
  const logs = values.map((v) => Math.log(Math.max(v, 1e-12)));
  const low = Math.min(...logs);
  const range = Math.max(...logs) - low || 1;
  const d = logs
    .map((v, i) => `${((i / (logs.length - 1)) * width).toFixed(1)},${(height - 2 - ((v - low) / range) * (height - 4)).toFixed(1)}`)
    .join('L');
  return tip(
    s(
      'svg',
      { width, height, role: 'img', 'aria-label': `loss, now ${figure(values.at(-1))}` },
      s('path', { d: `M${d}`, fill: 'none', stroke: 'var(--running)', 'stroke-width': 1.3 }),
    ),
    `loss ${figure(values[0])} → ${figure(values.at(-1))}`,
  );
}

function nice(low, high, wanted) {
  const rough = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((v) => v >= rough);
  const ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) ticks.push(v);
  return ticks;
}

/** Points [{x, y, error?, name, colour, href?}] with named axes; `frontier` joins those that none beats in both. */
export function scatter(points, { x: xName, y: yName, frontier = false, labels = true, height = 300 }) {
  const box = h('div', { class: 'plot' });
  const known = points.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
  if (!known.length) {
    box.append(h('div', { class: 'empty' }, 'No figures yet: they come with the evaluation.'));
    return { element: box, close() {} };
  }
  const draw = () => {
    const width = Math.max(260, box.clientWidth || 480);
    const m = { left: 54, right: 16, top: 14, bottom: 40 };
    const xs = known.map((p) => p.x);
    const ys = known.flatMap((p) => [p.y - (p.error || 0), p.y + (p.error || 0)]);
    const xMax = Math.max(...xs) * 1.12 || 1;
    const yMin = Math.max(0, Math.min(...ys) - (Math.max(...ys) - Math.min(...ys) || Math.max(...ys) || 1) * 0.2);
    const yMax = Math.max(...ys) + (Math.max(...ys) - yMin || 1) * 0.15;
    const X = (v) => m.left + (v / xMax) * (width - m.left - m.right);
    const Y = (v) => height - m.bottom - ((v - yMin) / (yMax - yMin)) * (height - m.top - m.bottom);
    const rows = [];
    for (const v of nice(yMin, yMax, 5))
      rows.push(
        s('line', { x1: m.left, x2: width - m.right, y1: Y(v), y2: Y(v), stroke: 'var(--line)' }),
        s('text', { x: m.left - 6, y: Y(v) + 4, 'text-anchor': 'end' }, tick(v)),
      );
    for (const v of nice(0, xMax, width < 420 ? 3 : 6))
      rows.push(
        s('line', { x1: X(v), x2: X(v), y1: height - m.bottom, y2: height - m.bottom + 4, stroke: 'var(--soft)' }),
        s('text', { x: X(v), y: height - m.bottom + 16, 'text-anchor': 'middle' }, tick(v)),
      );
    rows.push(
      s('text', { x: (m.left + width - m.right) / 2, y: height - 6, 'text-anchor': 'middle' }, xName),
      s('text', { transform: `translate(12 ${(height - m.bottom + m.top) / 2}) rotate(-90)`, 'text-anchor': 'middle' }, yName),
    );
    if (frontier) {
      const best = [];
      for (const p of [...known].sort((a, b) => a.x - b.x || a.y - b.y)) if (!best.length || p.y < best.at(-1).y) best.push(p);
      rows.push(
        s('path', {
          d: `M${best.map((p) => `${X(p.x)},${Y(p.y)}`).join('L')}`,
          fill: 'none',
          stroke: 'var(--soft)',
          'stroke-dasharray': '4 3',
        }),
      );
    }
    const taken = [];
    for (const p of known) {
      const right = X(p.x) + 8 + 6.2 * p.name.length > width; // about what the label takes
      let ty = Y(p.y) - 9;
      while (taken.some((t) => Math.abs(t.x - X(p.x)) < 110 && Math.abs(t.y - ty) < 13)) ty -= 13;
      taken.push({ x: X(p.x), y: ty });
      const said = `${p.name}\n${yName} ${spread(p.y, p.error)}\n${count(p.x)} ${xName}`;
      const named = p.href ? {} : { tabindex: 0, role: 'img', 'aria-label': said.replaceAll('\n', ', ') };
      const dot = s('circle', { cx: X(p.x), cy: Y(p.y), r: 5.5, fill: p.colour, stroke: 'var(--panel)', 'stroke-width': 1.5, ...named });
      rows.push(
        p.error
          ? s('line', { x1: X(p.x), x2: X(p.x), y1: Y(p.y - p.error), y2: Y(p.y + p.error), stroke: p.colour, 'stroke-width': 2 })
          : null,
        labels
          ? s(
              'text',
              { x: X(p.x) + (right ? -8 : 8), y: Math.max(10, ty), 'text-anchor': right ? 'end' : 'start', style: 'fill: var(--ink)' },
              p.name,
            )
          : null,
        tip(p.href ? s('a', { href: p.href, 'aria-label': p.name }, dot) : dot, said),
      );
    }
    box.replaceChildren(
      s(
        'svg',
        { width: '100%', height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': `${yName} against ${xName}` },
        rows,
      ),
    );
  };
  // Not in the observer's own turn: what is drawn changes the height that it observes.
  const observer = new ResizeObserver(() => requestAnimationFrame(draw));
  observer.observe(box);
  return {
    element: box,
    close() {
      observer.disconnect();
    },
  };
}

/** A table of numbers with the best (lowest) the most coloured. */
export function heatMap(rowName, rows, columnName, columns, value) {
  const all = rows.flatMap((r) => columns.map((c) => value(r, c))).filter(Number.isFinite);
  const low = Math.min(...all);
  const high = Math.max(...all);
  return h(
    'div',
    { class: 'scroll', tabindex: 0 },
    h(
      'table',
      { class: 'heat' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', {}, `${rowName} \\ ${columnName}`),
          columns.map((c) => h('th', {}, c)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((r) =>
          h(
            'tr',
            {},
            h('th', {}, r),
            columns.map((c) => {
              const v = value(r, c);
              const share = Number.isFinite(v) ? (high === low ? 1 : (high - v) / (high - low)) : 0;
              return h(
                'td',
                {
                  class: 'num',
                  style: Number.isFinite(v)
                    ? `background: color-mix(in srgb, var(--done) ${Math.round(10 + 55 * share)}%, var(--panel))`
                    : '',
                },
                figure(v),
              );
            }),
          ),
        ),
      ),
    ),
  );
}

export { colour };
