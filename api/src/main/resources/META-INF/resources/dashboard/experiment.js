// One experiment, live: the timestep axis, its curves, its figures, its samples, what happened, and what can be done.
import { actionsOf } from './actions.js';
import { follow, get } from './api.js';
import { problem } from './app.js';
import { timestepAxis } from './axis.js';
import { h } from './dom.js';
import { curvesPanel } from './experiment/curves.js';
import { figuresPanel } from './experiment/figures.js';
import { modelPanel } from './experiment/model.js';
import { eventsPanel, filesPanel, specPanel } from './experiment/records.js';
import { samplesPanel } from './experiment/samples.js';
import { titleOf } from './experiment/title.js';
import { workPanel } from './experiment/work.js';

const CATCH_UP_MS = 3000;

export async function experiment(main, _parameters, id) {
  let view = await get(`/experiments/${id}`);
  const models = () => view.models;
  const notes = h('div', { 'aria-live': 'polite' });
  const failed = (e) => notes.replaceChildren(problem(e));

  const title = h('div', {});
  const actions = h('div', { class: 'row', style: 'margin-top: 8px' });
  const model = modelPanel(done);
  const axis = timestepAxis(view.spec.diffusion.timesteps, model.choose);
  const curves = curvesPanel(id, models, failed);
  const figures = figuresPanel();
  const samples = samplesPanel(id, models, failed);
  const events = eventsPanel();
  const files = filesPanel();
  const work = workPanel();

  main.append(
    title,
    notes,
    actions,
    h('div', { class: 'panel' }, axis.element, work.element),
    h('div', { class: 'grid2' }, curves.element, model.element),
    figures.element,
    samples.element,
    h('div', { class: 'grid2' }, events.element, specPanel(view)),
    files.element,
  );

  function show() {
    title.replaceChildren(...titleOf(view));
    actions.replaceChildren(...actionsOf(view, null, done));
    document.title = `${view.name} · Atelier`;
    axis.show(view.models);
    for (const part of [model, figures, samples, files, work]) part.show(view);
  }

  async function reload() {
    view = await get(`/experiments/${id}`);
    show();
  }

  async function done(error) {
    notes.replaceChildren(error ? problem(error) : '');
    if (!error) await reload();
  }

  show();
  await curves.load();

  const unfollow = followLive(id, {
    event: events.add,
    progress(news) {
      const stageChanged = view.stage !== news.stage;
      const waitsChanged = !view.doing.length !== !news.doing.length; // the reasons are in its warnings
      view = { ...view, stage: news.stage, models: merged(view.models, news.models), doing: news.doing };
      axis.show(view.models);
      work.show(view);
      if (!model.inUse()) model.show(view);
      return stageChanged || waitsChanged;
    },
    reload: () => reload().catch(() => {}), // what cannot be read now is read the next time
    curves,
  });
  return () => {
    unfollow();
    for (const part of [axis, curves, figures]) part.close();
    document.title = 'Atelier';
  };
}

/** Shows news at once, and what must be asked for every few seconds; the answer stops it. */
function followLive(id, { event, progress, reload, curves }) {
  let figuresBehind = false;
  let curvesBehind = false;
  const unfollow = follow(id, {
    event(e) {
      event(e);
      figuresBehind = true;
    },
    progress(news) {
      if (progress(news)) figuresBehind = true;
      curvesBehind = true;
    },
    end() {
      curves.load();
      reload();
    },
  });
  const timer = setInterval(() => {
    if (document.hidden) return;
    if (figuresBehind) {
      figuresBehind = false;
      reload();
    }
    if (curvesBehind && !curves.isZoomed()) {
      curvesBehind = false;
      curves.load();
    }
  }, CATCH_UP_MS);
  return () => {
    unfollow();
    clearInterval(timer);
  };
}

/** The models with what is new of them, and new ones at the end. */
function merged(models, news) {
  const changed = new Map(news.map((m) => [m.key, m]));
  return [...models.map((m) => changed.get(m.key) || m), ...news.filter((m) => !models.some((old) => old.key === m.key))];
}
