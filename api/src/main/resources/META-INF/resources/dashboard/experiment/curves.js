// The curves of all models of an experiment, one series at a time.
import { get } from '../api.js';
import { curveChart } from '../charts.js';
import { h, modelColour, modelDashes } from '../dom.js';
import { inOrder, Series } from '../vocabulary.js';

const POINTS = 1200; // of each curve; the server keeps every spike
const SMOOTHING = 0.6;

/** The panel of curves; `models` gives the models as they are now, `failed` is told of a problem. */
export function curvesPanel(id, models, failed) {
  let stretch = null; // that was zoomed into; null: the whole run
  const chart = curveChart({ height: 320, zoomed: (from, to) => zoom(from === undefined ? null : { from, to }) });
  const series = h('select', { 'aria-label': 'Series', onchange: () => load(true) });
  const whole = h('button', { class: 'quiet small', hidden: true, onclick: () => zoom(null) }, 'Whole run');
  chart.smooth(SMOOTHING);

  function zoom(to) {
    stretch = to;
    whole.hidden = !stretch;
    load(true);
  }

  async function load(namesToo = false) {
    try {
      const started = models().filter((m) => m.step > 0 || m.reusedFrom);
      chart.show((await Promise.all(started.map(curvesOf))).flat());
      if (namesToo || !series.options.length) await loadNames(started);
    } catch (e) {
      failed(e);
    }
  }

  async function curvesOf(model) {
    const answer = await get(metricsOf(model), { series: series.value || Series.LOSS, points: POINTS, ...(stretch || {}) });
    return answer.series
      .filter((curve) => curve.points.length)
      .map((curve) => ({
        name: model.key,
        mark: model.key.replace(/^student-/, ''),
        colour: modelColour(model.key),
        dash: modelDashes(model.key),
        points: curve.points,
      }));
  }

  async function loadNames(started) {
    if (series.options.length || !started.length) return;
    const answer = await get(metricsOf(started[started.length - 1]), { points: 4 });
    const names = inOrder(
      Series,
      answer.series.map((x) => x.name),
    );
    series.replaceChildren(...names.map((name) => h('option', { value: name, selected: name === Series.LOSS }, name.replaceAll('_', ' '))));
  }

  const metricsOf = (model) => `/experiments/${id}/models/${model.key}/metrics`;

  return {
    element: h(
      'div',
      { class: 'panel' },
      h(
        'div',
        { class: 'row spread', style: 'margin-bottom: 8px' },
        h('h2', { style: 'margin: 0' }, 'Curves'),
        h('div', { class: 'row' }, whole, series, scaleSwitch(chart), smoothing(chart)),
      ),
      chart.element,
      h('div', { class: 'soft small' }, 'Drag to zoom in: the server sends that stretch in full detail. Double-click to leave it.'),
    ),
    load,
    isZoomed: () => stretch !== null,
    close: () => chart.close(),
  };
}

function scaleSwitch(chart) {
  const box = h('input', { type: 'checkbox', checked: true, id: 'log', onchange: () => chart.scale(box.checked) });
  return h('label', { for: 'log' }, box, ' log');
}

function smoothing(chart) {
  const slider = h('input', {
    type: 'range',
    min: 0,
    max: 0.99,
    step: 0.01,
    value: SMOOTHING,
    id: 'smooth',
    style: 'width: 110px',
    oninput: () => chart.smooth(Number(slider.value)),
  });
  return [h('label', { for: 'smooth' }, 'smooth '), slider];
}
