// Studies: sets of experiments that answer one question.

import { get } from './api.js';
import { heatMap, scatter } from './charts.js';
import { colour, h, keepingFocus, pill, when } from './dom.js';
import { poll } from './live.js';
import { NONE, progress, spread } from './notation.js';
import { scorecard } from './scorecard.js';
import { inOrder, Subject, subjectColour, titleOf } from './vocabulary.js';

const CATCH_UP_MS = 6000;

export async function studies(main) {
  const body = h('div', { class: 'panel scroll', tabindex: 0 });
  async function show() {
    const { items } = await get('/studies', { limit: 100 });
    keepingFocus(body, () => body.replaceChildren(items.length ? list(items) : none()));
  }
  await show();
  const live = poll(show, CATCH_UP_MS);
  main.append(h('h1', {}, 'Studies'), live.element, body);
  return live.close;
}

function none() {
  return h(
    'div',
    { class: 'empty' },
    h('p', {}, 'No studies yet. A study runs experiments over a grid of fields and seeds and ends with a report:'),
    h('pre', {}, './atelier study launch one-to-one-vs-many --wait'),
  );
}

function list(items) {
  return h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ['name', 'stage', 'question', 'experiments', 'launched'].map((t) => h('th', {}, t)),
      ),
    ),
    h(
      'tbody',
      {},
      items.map((x) =>
        h(
          'tr',
          {},
          h('td', {}, h('a', { href: `#/studies/${x.id}`, 'data-key': x.id }, x.name)),
          h('td', {}, pill(x.stage)),
          h('td', { class: 'soft' }, x.question),
          h('td', { class: 'num' }, `${x.ended} of ${x.experiments}`),
          h('td', { class: 'small' }, when(x.createdAt)),
        ),
      ),
    ),
  );
}

export async function study(main, _parameters, id) {
  const body = h('div', {});
  main.append(body);
  let plot = { close() {} };
  async function show() {
    const view = await get(`/studies/${id}`);
    plot.close();
    const axes = [...new Set(view.members.flatMap((m) => m.axes.map((a) => a.axis)))];
    const points = new Map();
    for (const m of view.members) {
      const name = m.axes.map((a) => a.value).join(', ') || 'all';
      if (!points.has(name)) points.set(name, { name, axes: m.axes, members: [] });
      points.get(name).members.push(m);
    }
    const all = [...points.values()];
    const subjects = inOrder(Subject, new Set(view.members.flatMap((m) => Object.keys(m.distances))));
    const stat = (p, k) => {
      const v = p.members.map((m) => m.distances[k]).filter((x) => x !== undefined);
      if (!v.length) return null;
      const mean = v.reduce((a, b) => a + b, 0) / v.length;
      return { mean, n: v.length, sd: v.length > 1 ? Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / (v.length - 1)) : 0 };
    };
    const macs = await macsOf(view);
    const taught = all.find((p) => stat(p, Subject.TEACHER));
    const teacher = taught
      ? [
          {
            k: Subject.TEACHER,
            x: macs(taught, Subject.TEACHER),
            stat: stat(taught, Subject.TEACHER),
            name: titleOf(Subject, Subject.TEACHER),
            colour: subjectColour(Subject.TEACHER),
          },
        ]
      : [];
    plot = scatter(
      [
        ...teacher,
        ...all.flatMap((p, i) =>
          subjects
            .filter((k) => k !== Subject.TEACHER)
            .map((k) => ({
              k,
              x: macs(p, k),
              stat: stat(p, k),
              name: `${subjects.length > 2 ? `${titleOf(Subject, k)} · ` : ''}${p.name}`,
              colour: colour(i),
            }))
            .filter((x) => x.stat),
        ),
      ]
        .filter((x) => x.x)
        .map((x) => ({ ...x, y: x.stat.mean, error: x.stat.sd })),
      { x: 'MACs per step', y: 'Fréchet distance', frontier: true, height: 360 },
    );
    const ended = view.members.filter((m) => ['DONE', 'FAILED', 'CANCELED', 'PARTIAL'].includes(m.stage)).length;
    const report = view.artifacts.find((a) => a.name.endsWith('.html'));
    const parts = [
      h(
        'div',
        { class: 'row spread' },
        h('div', { class: 'row' }, h('h1', {}, view.name), pill(view.stage)),
        h(
          'div',
          { class: 'row' },
          report ? h('a', { class: 'button', href: report.href }, 'Report') : null,
          view.links.temporal ? h('a', { class: 'small', href: view.links.temporal }, 'Temporal Web UI ↗') : null,
          h(
            'a',
            {
              class: 'small',
              href: `#/compare?ids=${view.members
                .slice(0, 50)
                .map((m) => m.experimentId)
                .join(',')}`,
            },
            'Compare all',
          ),
        ),
      ),
      h('p', { class: 'soft' }, view.question),
      h('div', { class: 'soft small' }, `${id} · ${ended} of ${view.members.length} experiments have ended`),
      scorecard(view.scorecard),
      h(
        'div',
        { class: 'panel scroll', tabindex: 0 },
        h('h2', {}, 'Fréchet distance, mean ± standard deviation over seeds'),
        h(
          'table',
          {},
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              axes.map((a) => h('th', {}, a)),
              subjects.map((k) => h('th', { class: 'num' }, titleOf(Subject, k))),
              h('th', {}, 'experiments'),
            ),
          ),
          h(
            'tbody',
            {},
            all.map((p) =>
              h(
                'tr',
                {},
                axes.map((a) => h('td', {}, p.axes.find((x) => x.axis === a)?.value)),
                subjects.map((k) => {
                  const v = stat(p, k);
                  return h('td', { class: 'num' }, v ? spread(v.mean, v.sd) : NONE);
                }),
                h(
                  'td',
                  {},
                  p.members.map((m) =>
                    h(
                      'a',
                      {
                        class: 'chip',
                        href: `#/experiments/${m.experimentId}`,
                        'data-key': m.experimentId,
                        title: `${m.stage}, step ${m.step} of ${m.totalSteps}`,
                      },
                      `seed ${m.seed} · ${m.stage === 'DONE' ? 'done' : progress(m.step / Math.max(1, m.totalSteps))}`,
                    ),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
      axes.length === 2
        ? h(
            'div',
            { class: 'panel' },
            h('h2', {}, 'Mean distance of the students'),
            heatMap(axes[0], values(all, axes[0]), axes[1], values(all, axes[1]), (r, c) => {
              const p = all.find(
                (x) => x.axes.some((a) => a.axis === axes[0] && a.value === r) && x.axes.some((a) => a.axis === axes[1] && a.value === c),
              );
              return p ? stat(p, Subject.O2MKD)?.mean : undefined;
            }),
          )
        : '',
      h('div', { class: 'panel' }, h('h2', {}, 'Distance against work, with the Pareto front'), plot.element),
    ];
    keepingFocus(body, () => body.replaceChildren(...parts));
    return view;
  }
  const first = await show();
  const live = poll(async () => {
    if ((await show()).finishedAt) live.end();
  }, CATCH_UP_MS);
  if (first.finishedAt) live.end();
  main.prepend(live.element);
  return () => {
    live.close();
    plot.close();
  };
}

const values = (all, axis) => [...new Set(all.flatMap((p) => p.axes.filter((a) => a.axis === axis).map((a) => a.value)))];

async function macsOf(view) {
  const found = new Map();
  let cursor;
  do {
    const page = await get('/experiments', { q: `study=${view.id}`, limit: 200, cursor });
    for (const e of page.items) found.set(e.id, e.macsPerStep);
    cursor = page.nextCursor;
  } while (cursor);
  return (p, k) => p.members.map((m) => found.get(m.experimentId)?.[k]).find((x) => x !== undefined);
}
