// Experiments beside one another: where their specs differ, their figures, their curves.

import { get } from './api.js';
import { problem } from './app.js';
import { curveChart, heatMap, scatter } from './charts.js';
import { colour, dashes, h, heard, pill, swatch } from './dom.js';
import { asOf } from './live.js';
import { NONE, nameOf, write } from './notation.js';
import { Metric, Series, Subject, titleOf } from './vocabulary.js';

export async function compare(main, parameters) {
  const ids = (parameters.get('ids') || '').split(',').filter(Boolean);
  if (ids.length < 2) {
    main.append(
      h(
        'div',
        { class: 'empty' },
        h('h1', {}, 'Choose at least two experiments'),
        h('p', {}, h('a', { href: '#/experiments' }, 'Tick them in the list, then press Compare.')),
      ),
    );
    return () => {};
  }
  const answer = await get('/experiments/compare', { ids: ids.join(',') });
  const all = answer.experiments;
  const columns = all.map((e, i) =>
    h('th', { class: 'num' }, swatch(colour(i)), `${letter(i)} · `, h('a', { href: `#/experiments/${e.id}` }, e.name)),
  );
  const cells = (values, kind, written) =>
    values.map((v, i) => h('td', { class: `num ${kind}`, 'data-label': letter(i) }, v === null ? NONE : written(v)));
  const plot = scatter(
    all.flatMap((e, i) =>
      Object.entries(e.distances)
        .filter(([k]) => k !== Subject.TEACHER)
        .map(([k, y]) => ({
          x: e.macsPerStep[k],
          y,
          colour: colour(i),
          name: `${letter(i)} · ${titleOf(Subject, k)} · ${short(e, all)}`,
          href: `#/experiments/${e.id}`,
        })),
    ),
    { x: 'MACs per step', y: 'Fréchet distance', frontier: true, height: 340 },
  );
  const chart = curveChart({ height: 300 });
  chart.smooth(0.6);
  main.append(
    h('h1', {}, `${all.length} experiments`),
    asOf(),
    ...answer.warnings.map((w) => h('div', { class: 'note small' }, w)),
    h(
      'div',
      { class: 'panel scroll', tabindex: 0 },
      h('h2', {}, answer.differences.length ? 'Where they differ' : 'Their specs are the same'),
      h(
        'table',
        { class: 'beside' },
        h('thead', {}, h('tr', {}, h('th', {}, heard('field or figure')), columns)),
        h(
          'tbody',
          {},
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, 'stage'),
            cells(
              all.map((e) => (e.paused ? 'PAUSED' : e.stage)),
              '',
              pill,
            ),
          ),
          answer.differences.map((r) =>
            h(
              'tr',
              { class: 'differs' },
              h('th', { scope: 'row', class: 'mono' }, '≠ ', r.name),
              cells(r.values, 'mono', (v) => (typeof v === 'object' ? JSON.stringify(v) : String(v))),
            ),
          ),
          answer.figures.filter((r) => !r.name.endsWith(`.${Metric.FRECHET_DISTANCE}`)).map((r) => figures(r, cells)), // it is the distance
        ),
      ),
    ),
    ...grid(all),
    h('div', { class: 'panel' }, h('h2', {}, 'Distance against work, with the Pareto front'), plot.element),
    h('div', { class: 'panel' }, h('h2', {}, 'Loss of the first student'), chart.element),
  );
  try {
    const curves = await Promise.all(
      all.map((e) =>
        get(`/experiments/${e.id}/models/student-1/metrics`, { series: Series.LOSS, points: 800 }).catch(() => ({ series: [] })),
      ),
    );
    chart.show(
      curves.map((c, i) => ({
        name: `${letter(i)} · ${short(all[i], all)}`,
        mark: letter(i),
        colour: colour(i),
        dash: dashes(i),
        points: c.series[0]?.points || [],
      })),
    );
  } catch (e) {
    main.append(problem(e));
  }
  return () => {
    plot.close();
    chart.close();
  };
}

/** A figure of a subject, which the server calls o2mkd.macsPerStep; the least distance is bold. */
function figures({ name, values }, cells) {
  const [subject, figure] = name.split(/\.(.*)/);
  const best = figure === 'distance' ? Math.min(...values.filter((v) => v !== null)) : undefined;
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, `${titleOf(Subject, subject)} · ${titleOf(Metric, nameOf(figure))}`),
    cells(values, '', (v) => (v === best ? h('strong', {}, write(figure, v)) : write(figure, v))),
  );
}

/** What an experiment is called beside others: A, B, …, Z, A1, … */
const letter = (i) => `${String.fromCharCode(65 + (i % 26))}${i < 26 ? '' : Math.floor(i / 26)}`;

/** What tells an experiment from the others in few words. */
function short(e, all) {
  const labels = Object.entries(e.labels)
    .filter(([k, v]) => all.some((o) => o.labels[k] !== v))
    .map(([k, v]) => `${k} ${v}`);
  return labels.length ? labels.join(', ') : all.some((o) => o.id !== e.id && o.name === e.name) ? e.id.slice(-4) : e.name;
}

/** A heat map over N and p where both vary. */
function grid(all) {
  const rows = [...new Set(all.map((e) => e.students))].sort((a, b) => a - b);
  const columns = [...new Set(all.map((e) => e.specificProbability))].sort((a, b) => a - b);
  if (rows.length < 2 || columns.length < 2) return [];
  const value = (n, p) => {
    const found = all
      .filter((e) => e.students === n && e.specificProbability === p && e.distances[Subject.O2MKD] !== undefined)
      .map((e) => e.distances[Subject.O2MKD]);
    return found.length ? found.reduce((a, b) => a + b, 0) / found.length : undefined;
  };
  return [h('div', { class: 'panel' }, h('h2', {}, 'Mean distance over N and p'), heatMap('N', rows, 'p', columns, value))];
}
