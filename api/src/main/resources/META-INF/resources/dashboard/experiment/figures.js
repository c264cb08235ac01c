// What was measured of each subject: distance against work, and a table of every figure.
import { scatter } from '../charts.js';
import { bytes, count, figure, h } from '../dom.js';
import { inOrder, Metric, Subject, subjectColour, titleOf } from '../vocabulary.js';

export function figuresPanel() {
  const element = h('div', { class: 'panel' });
  let close = () => {};
  return {
    element,
    show({ evaluations }) {
      close();
      const plot = scatter(evaluations.map(dot), { x: 'MACs per sampling step', y: evaluations[0]?.metric || 'distance' });
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

const nameOf = (e) => titleOf(Subject, e.subject);

function dot(e) {
  return { x: e.macsPerStep, y: e.distance, name: nameOf(e), colour: subjectColour(e.subject) };
}

function table(evaluations) {
  const measured = inOrder(Metric, new Set(evaluations.flatMap((e) => Object.keys(e.metrics))));
  const others = measured.filter((metric) => metric !== Metric.FRECHET_DISTANCE); // shown as the distance
  const rows = [
    [evaluations[0].metric, (e) => h('strong', {}, figure(e.distance))],
    ['MACs per step', (e) => count(e.macsPerStep)],
    ['parameters', (e) => count(e.parameters)],
    ['weights', (e) => bytes(e.weightsBytes)],
    ['images/s', (e) => figure(e.imagesPerSecond)],
    ['peak memory', (e) => (e.peakMemoryBytes ? bytes(e.peakMemoryBytes) : '–')],
    ...others.map((metric) => [titleOf(Metric, metric), (e) => figure(e.metrics[metric])]),
  ];
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', {}, ''),
          evaluations.map((e) => h('th', { class: 'num' }, nameOf(e))),
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
    const subjects = evaluations.filter((e) => e.reusedFrom === from).map(nameOf);
    return h(
      'p',
      { class: 'soft small' },
      `Figures of ${subjects.join(', ')}: taken over from `,
      h('a', { href: `#/experiments/${from}` }, from),
    );
  });
}
