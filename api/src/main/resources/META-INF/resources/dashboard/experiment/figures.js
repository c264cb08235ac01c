// What was measured of each subject: distance against work, and a table of every figure.
import { scatter } from '../charts.js';
import { h, heard } from '../dom.js';
import { figure, NONE, nameOf, write } from '../notation.js';
import { inOrder, Metric, rankOf, Subject, subjectColour, titleOf } from '../vocabulary.js';

const COSTS = ['macsPerStep', 'parameters', 'weightsBytes', 'imagesPerSecond', 'peakMemoryBytes'];

export function figuresPanel() {
  const element = h('div', { class: 'panel' });
  let close = () => {};
  return {
    element,
    show({ evaluations: unsorted }) {
      const evaluations = [...unsorted].sort((a, b) => rankOf(Subject, a.subject) - rankOf(Subject, b.subject) || 0);
      close();
      const plot = scatter(evaluations.map(dot), { x: nameOf('macsPerStep'), y: evaluations[0]?.metric || 'distance' });
      close = () => plot.close();
      const figures = evaluations.length ? h('div', {}, table(evaluations), takenOver(evaluations)) : h('div', {});
      element.replaceChildren(
        h('h2', {}, 'Distance against work'),
        h('div', { class: 'grid2', style: 'align-items: start' }, plot.element, figures),
      );
    },
    close: () => close(),
  };
}

const subjectOf = (e) => titleOf(Subject, e.subject);

function dot(e) {
  return { x: e.macsPerStep, y: e.distance, name: subjectOf(e), colour: subjectColour(e.subject) };
}

function table(evaluations) {
  const measured = inOrder(Metric, new Set(evaluations.flatMap((e) => Object.keys(e.metrics))));
  const others = measured.filter((metric) => metric !== Metric.FRECHET_DISTANCE); // shown as the distance
  const rows = [
    [evaluations[0].metric, (e) => h('strong', {}, figure(e.distance))],
    ...COSTS.map((name) => [nameOf(name), (e) => (e[name] ? write(name, e[name]) : NONE)]),
    ...others.map((metric) => [titleOf(Metric, metric), (e) => figure(e.metrics[metric])]),
  ];
  return h(
    'div',
    { class: 'scroll', tabindex: 0 },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', {}, heard('figure')),
          evaluations.map((e) => h('th', { class: 'num' }, subjectOf(e))),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(([name, value]) =>
          h(
            'tr',
            {},
            h('td', { class: 'soft small' }, name),
            evaluations.map((e) => h('td', { class: 'num' }, value(e))),
          ),
        ),
      ),
    ),
  );
}

function takenOver(evaluations) {
  const sources = [...new Set(evaluations.map((e) => e.reusedFrom).filter(Boolean))];
  return sources.map((from) => {
    const subjects = evaluations.filter((e) => e.reusedFrom === from).map(subjectOf);
    return h(
      'p',
      { class: 'soft small' },
      `Figures of ${subjects.join(', ')}: taken over from `,
      h('a', { href: `#/experiments/${from}` }, from),
    );
  });
}
