// One model of an experiment: its state, what it costs, and what can be done with it.
import { actionsOf } from '../actions.js';
import { h, modelColour, pill, swatch, when } from '../dom.js';
import { count, duration, figure, rate } from '../notation.js';

/** The panel of one model; `done` is told when something was done with it. */
export function modelPanel(done) {
  const element = h('div', { class: 'panel' });
  let view = null;
  let chosen = null;

  function draw() {
    const m = modelToShow(view.models, chosen);
    const rows = Object.entries(rowsOf(m)).filter(([, v]) => v !== undefined && v !== null);
    element.replaceChildren(
      h(
        'div',
        { class: 'row spread' },
        h('h2', { style: 'margin: 0' }, swatch(modelColour(m.key)), m.key),
        h(
          'select',
          { 'aria-label': 'Model', onchange: (e) => choose(e.target.value) },
          view.models.map((x) => h('option', { value: x.key, selected: x.key === m.key }, x.key)),
        ),
      ),
      h(
        'dl',
        { style: 'margin: 10px 0' },
        rows.flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, v)]),
      ),
      m.error ? h('div', { class: 'note error small' }, h('strong', {}, m.error.type), ` ${m.error.message}`) : '',
      h('div', { class: 'row' }, actionsOf(view, m, done)),
    );
  }

  function choose(key) {
    chosen = key;
    draw();
  }

  return {
    element,
    choose,
    show(next) {
      view = next;
      draw();
    },
    /** Whether somebody is at it, who would lose the focus if it were drawn anew. */
    inUse: () => element.contains(document.activeElement),
  };
}

/** The chosen one; else one that wants to be looked at. */
function modelToShow(models, chosen) {
  return (
    models.find((m) => m.key === chosen) ||
    models.find((m) => m.state === 'FAILED') ||
    models.find((m) => m.state === 'RUNNING') ||
    models[0]
  );
}

function rowsOf(m) {
  return {
    state: pill(m.state),
    timesteps: `[${m.range.low}, ${m.range.high})`,
    'sampler steps': m.visits,
    step: `${m.step} of ${m.totalSteps}`,
    loss: figure(m.loss),
    'images/s': rate(m.imagesPerSecond),
    left: m.etaSeconds === undefined ? undefined : duration(m.etaSeconds),
    parameters: count(m.parameters),
    MACs: count(m.macs),
    attempts: m.attempts,
    worker: m.worker,
    began: m.startedAt ? when(m.startedAt) : undefined,
    ended: m.finishedAt ? when(m.finishedAt) : undefined,
    'taken over from': m.reusedFrom ? h('a', { href: `#/experiments/${m.reusedFrom}` }, m.reusedFrom) : undefined,
    compute:
      m.cpuSeconds === undefined ? undefined : `${duration(m.cpuSeconds)} CPU${m.gpuSeconds ? `, ${duration(m.gpuSeconds)} GPU` : ''}`,
    'repeated steps': m.repeatedSteps || undefined,
  };
}
