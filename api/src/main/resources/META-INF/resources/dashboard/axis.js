// The timestep axis from 0 to T with each student as a segment: colour = state, fill = progress.
import { s, tip } from './dom.js';
import { count, duration, figure, progress, rate } from './notation.js';

const STATE = {
  DONE: 'var(--done)',
  RUNNING: 'var(--running)',
  FAILED: 'var(--failed)',
  PENDING: 'var(--pending)',
  CANCELED: 'var(--pending)',
  PAUSED: 'var(--paused)',
};

/** Beside its colour, so that it can be told without. */
const MARK = { DONE: ' ✓', RUNNING: ' ▸', FAILED: ' ✗', PENDING: ' …', CANCELED: ' –', PAUSED: ' ‖' };

/** All that is known of a model, for the tip. */
export function describe(model) {
  const lines = [
    `${model.key} · ${model.state.toLowerCase()}`,
    `t in [${model.range.low}, ${model.range.high})`,
    `step ${model.step} of ${model.totalSteps}`,
  ];
  if (model.visits !== undefined) lines.push(asked(model.visits));
  if (model.loss !== undefined) lines.push(`loss ${figure(model.loss)}`);
  if (model.imagesPerSecond) lines.push(`${rate(model.imagesPerSecond)} images/s${model.worker ? ` on ${model.worker}` : ''}`);
  else if (model.worker) lines.push(model.worker);
  if (model.etaSeconds !== undefined) lines.push(`${duration(model.etaSeconds)} left`);
  if (model.parameters) lines.push(`${count(model.parameters)} parameters, ${count(model.macs)} MACs`);
  if (model.attempts > 1) lines.push(`${model.attempts} attempts`);
  if (model.reusedFrom) lines.push(`taken over from ${model.reusedFrom}`);
  if (model.error) lines.push(model.error.message);
  return lines.join('\n');
}

/** How often a sampler asks a model, in words. */
export const asked = (visits) => (visits === 0 ? 'asked by no sampler step' : `asked by ${visits} sampler step${visits === 1 ? '' : 's'}`);

/** Draws anew without taking the focus from who is at the keyboard: the element in the same place has it. */
function redraw(svg, elements) {
  const places = () => [...svg.querySelectorAll('[tabindex]')];
  const focused = places().indexOf(document.activeElement);
  svg.replaceChildren(...elements);
  if (focused >= 0) places()[focused]?.focus({ preventScroll: true });
}

/** A thin axis for a row of a table. */
export function smallAxis(models) {
  const students = models.filter((m) => m.key.startsWith('student-'));
  const width = 150;
  const total = Math.max(1, ...models.map((m) => m.high));
  const settled = new Set(students.map((m) => `${m.low}`)).size === students.length;
  const bar = (m, x, y, w, height) => [
    s('rect', { x, y, width: w, height, rx: 1.5, fill: STATE[m.state], opacity: 0.28 }),
    s('rect', { x, y, width: w * part(m), height, rx: 1.5, fill: STATE[m.state] }),
    ['FAILED', 'CANCELED'].includes(m.state) // crossed out, once or twice
      ? s('path', {
          d: `M${x},${y}L${x + w},${y + height}${m.state === 'FAILED' ? `M${x},${y + height}L${x + w},${y}` : ''}`,
          stroke: 'var(--ink)',
        })
      : [],
  ];
  const teacher = models.find((m) => m.key === 'teacher');
  const svg = s(
    'svg',
    {
      width,
      height: 18,
      viewBox: `0 0 ${width} 18`,
      role: 'img',
      'aria-label': students.map((m) => `${m.key} ${m.state.toLowerCase()}`).join(', '),
    },
    teacher ? bar(teacher, 0, 0, width, 4) : [],
    students.map((m, i) => {
      const low = settled ? m.low : (i * total) / students.length;
      const high = settled ? m.high : ((i + 1) * total) / students.length;
      return bar(m, (low / total) * width, 6, Math.max(1, ((high - low) / total) * width - 1), 12);
    }),
  );
  return tip(svg, () =>
    models
      .map((m) => `${m.key}: ${m.state.toLowerCase()}, ${progress(part(m))}`)
      .slice(0, 18)
      .join('\n'),
  );
}

function part(m) {
  return m.state === 'DONE' ? 1 : m.totalSteps > 0 ? Math.min(1, m.step / m.totalSteps) : 0;
}

/** The axis of an experiment; `choose` is told of the model that is clicked. */
export function timestepAxis(timesteps, choose) {
  const svg = s('svg', { class: 'axis', role: 'group', 'aria-label': 'Timesteps and the models that own them' });
  const box = document.createElement('div');
  box.append(svg);
  let models = [];
  let chosen = null;

  function draw() {
    const width = Math.max(300, box.clientWidth || 900);
    const left = 4;
    const inner = width - 2 * left;
    const x = (t) => left + (t / timesteps) * inner;
    const rows = [];
    const teacher = models.find((m) => m.key === 'teacher');
    const oneToOne = models.find((m) => m.key === 'one-to-one');
    const students = models.filter((m) => m.key.startsWith('student-'));
    const planned = students.length < 2 || new Set(students.map((m) => m.range.low)).size === students.length;
    let y = 0;
    if (teacher) {
      rows.push(segment(teacher, x(0), y, inner, 26));
      y += 32;
    }
    if (oneToOne) {
      rows.push(segment(oneToOne, x(0), y, inner, 20));
      y += 26;
    }
    students.forEach((m, i) => {
      const low = planned ? m.range.low : (i * timesteps) / students.length;
      const high = planned ? m.range.high : ((i + 1) * timesteps) / students.length;
      rows.push(segment(m, x(low), y, Math.max(2, x(high) - x(low) - 2), 46, planned ? '' : '?'));
    });
    y += 52;
    const ticks = [];
    for (let k = 0; k <= 10; k += width < 500 ? 5 : 1) {
      const t = (k * timesteps) / 10;
      ticks.push(
        s('line', { x1: x(t), x2: x(t), y1: y, y2: y + 4, stroke: 'var(--soft)' }),
        s('text', { x: x(t), y: y + 16, 'text-anchor': k === 0 ? 'start' : k === 10 ? 'end' : 'middle' }, `${t}`),
      );
    }
    ticks.push(
      s('text', { x: x(0), y: y + 32 }, 'image'),
      s('text', { x: x(timesteps) - 4, y: y + 32, 'text-anchor': 'end' }, 'noise'),
      s('text', { x: width / 2, y: y + 32, 'text-anchor': 'middle' }, 'timestep t'),
    );
    svg.setAttribute('viewBox', `0 0 ${width} ${y + 38}`);
    svg.setAttribute('height', y + 38);
    redraw(svg, [...rows, ...ticks]);
  }

  function segment(m, x, y, width, height, mark = '') {
    const text = (m.key.startsWith('student-') ? m.key.slice(8) + mark : m.key) + (MARK[m.state] || '');
    const percent = m.totalSteps > 0 && m.state !== 'DONE' && m.step > 0 ? ` ${progress(part(m))}` : '';
    const isWide = width > 8 * (text.length + percent.length) + 8;
    const written = isWide ? text + percent : width > 12 ? text : '';
    const visits = height > 40 && m.visits !== undefined && width > 8 * `${m.visits}×`.length + 4 ? `${m.visits}×` : '';
    const g = s(
      'g',
      {
        class: `segment${chosen === m.key ? ' chosen' : ''}`,
        tabindex: 0,
        role: 'button',
        'aria-label': `${written} ${visits}: ${describe(m).replaceAll('\n', ', ')}`, // begins with what is seen
        onclick: () => pick(m),
        onkeydown: (e) => {
          if (e.key === 'Enter' || e.key === ' ') {
            e.preventDefault();
            pick(m);
          }
        },
      },
      s('rect', {
        class: 'frame',
        x,
        y,
        width,
        height,
        rx: 5,
        fill: STATE[m.state] || STATE.PENDING,
        'fill-opacity': 0.22,
        stroke: STATE[m.state] || STATE.PENDING,
      }),
      s('rect', {
        class: 'fill',
        x,
        y,
        width: width * part(m),
        height,
        rx: 5,
        fill: STATE[m.state] || STATE.PENDING,
        'fill-opacity': 0.55,
      }),
      isWide
        ? s(
            'text',
            {
              x: x + width / 2,
              y: y + height / 2 + 4,
              'text-anchor': 'middle',
              style: 'fill: var(--ink); font-weight: 600; font-size: 12px',
            },
            written,
          )
        : written
          ? s('text', { x: x + width / 2, y: y + height / 2 + 4, 'text-anchor': 'middle', style: 'fill: var(--ink)' }, written)
          : null,
      visits
        ? s(
            'text',
            {
              class: 'visits',
              x: x + width / 2,
              y: y + height - 5,
              'text-anchor': 'middle',
              style: m.visits ? 'font-size: 10px; fill: var(--ink)' : 'font-size: 10px; fill: var(--failed)',
            },
            visits,
          )
        : null,
    );
    return tip(g, () => describe(m));
  }

  function pick(m) {
    chosen = m.key;
    draw();
    choose(m.key);
  }

  const observer = new ResizeObserver(draw);
  observer.observe(box);
  return {
    element: box,
    show(next) {
      models = next;
      draw();
    },
    close() {
      observer.disconnect();
    },
  };
}

/** Cuts of [0, T) that are dragged, or moved with the arrow keys; `changed` is told of them. A curve of [t, drift] may stand above. */
export function cutEditor(timesteps, boundaries, changed) {
  const box = document.createElement('div');
  const svg = s('svg', { class: 'axis' });
  box.append(svg);
  let cuts = [...boundaries];
  let curve = [];
  let visits = []; // of each range by the sampler; empty: not known
  let top = 6;

  function draw() {
    const width = Math.max(280, box.clientWidth || 800);
    const x = (t) => 8 + (t / timesteps) * (width - 16);
    const t = (px) => Math.round(((px - 8) / (width - 16)) * timesteps);
    const rows = [];
    if (curve.length) {
      const most = Math.max(...curve.map((p) => p[1])) || 1;
      rows.push(
        s('path', {
          d: `M${curve.map(([at, drift]) => `${x(at)},${top - 6 - (drift / most) * (top - 14)}`).join('L')}`,
          fill: 'none',
          stroke: 'var(--accent)',
          'stroke-width': 1.5,
        }),
        s('text', { x: 10, y: 10 }, 'drift'),
      );
    }
    for (let i = 0; i + 1 < cuts.length; i++) {
      rows.push(
        s('rect', {
          x: x(cuts[i]),
          y: top,
          width: Math.max(1, x(cuts[i + 1]) - x(cuts[i]) - 2),
          height: 34,
          rx: 5,
          fill: 'var(--accent)',
          'fill-opacity': i % 2 ? 0.35 : 0.55,
        }),
        s('text', { x: (x(cuts[i]) + x(cuts[i + 1])) / 2, y: top + 21, 'text-anchor': 'middle', style: 'fill: var(--ink)' }, `${i + 1}`),
      );
      if (visits.length === cuts.length - 1) {
        rows.push(
          s(
            'text',
            {
              class: 'visits',
              x: (x(cuts[i]) + x(cuts[i + 1])) / 2,
              y: top + 32,
              'text-anchor': 'middle',
              style: visits[i] ? 'font-size: 10px' : 'font-size: 10px; fill: var(--failed)',
              role: 'img',
              'aria-label': `student ${i + 1}, ${asked(visits[i])}`,
            },
            `${visits[i]}×`,
          ),
        );
      }
    }
    for (let i = 1; i + 1 < cuts.length; i++) {
      const handle = s(
        'g',
        {
          class: 'cut',
          tabindex: 0,
          role: 'slider',
          'aria-label': `cut ${i}`,
          'aria-valuemin': cuts[i - 1] + 1,
          'aria-valuemax': cuts[i + 1] - 1,
          'aria-valuenow': cuts[i],
          onkeydown: (e) => {
            const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -timesteps / 20, PageUp: timesteps / 20 }[e.key];
            if (by) {
              e.preventDefault();
              move(i, cuts[i] + by, true);
            }
          },
          onpointerdown: (e) => {
            e.preventDefault();
            const moving = (ev) =>
              move(i, t(((ev.clientX - svg.getBoundingClientRect().left) / svg.getBoundingClientRect().width) * width));
            const stop = () => {
              removeEventListener('pointermove', moving);
              removeEventListener('pointerup', stop);
              changed([...cuts]);
            };
            addEventListener('pointermove', moving);
            addEventListener('pointerup', stop);
          },
        },
        s('rect', { x: x(cuts[i]) - 9, y: top - 4, width: 18, height: 42, fill: 'transparent' }),
        s('rect', { x: x(cuts[i]) - 3, y: top - 4, width: 5, height: 42, rx: 2.5, fill: 'var(--ink)' }),
        s('text', { x: x(cuts[i]), y: top + 52, 'text-anchor': 'middle' }, `${cuts[i]}`),
      );
      rows.push(handle);
    }
    rows.push(s('text', { x: x(0), y: top + 52 }, '0'), s('text', { x: x(timesteps), y: top + 52, 'text-anchor': 'end' }, `${timesteps}`));
    svg.setAttribute('viewBox', `0 0 ${width} ${top + 58}`);
    svg.setAttribute('height', top + 58);
    redraw(svg, rows);
  }

  function move(i, to, tell = false) {
    visits = []; // of other cuts
    cuts[i] = Math.min(cuts[i + 1] - 1, Math.max(cuts[i - 1] + 1, Math.round(to)));
    draw();
    if (tell) {
      changed([...cuts]);
    }
  }

  const observer = new ResizeObserver(draw);
  observer.observe(box);
  draw();
  return {
    element: box,
    set(next) {
      if (String(next) !== String(cuts)) visits = [];
      cuts = [...next];
      timesteps = cuts.at(-1);
      draw();
    },
    setVisits(next) {
      visits = next;
      draw();
    },
    setCurve(points) {
      curve = points;
      top = points.length ? 70 : 6;
      draw();
    },
    close() {
      observer.disconnect();
    },
  };
}
