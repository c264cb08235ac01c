// One experiment, live: the timestep axis, its curves, its figures, its samples, what happened, and what can be done.
import { actionsOf } from './actions.js';
import { follow, get } from './api.js';
import { problem } from './app.js';
import { timestepAxis } from './axis.js';
import { h, inModelOrder } from './dom.js';
import { curvesPanel } from './experiment/curves.js';
import { figuresPanel } from './experiment/figures.js';
import { modelPanel } from './experiment/model.js';
import { eventsPanel, filesPanel, specPanel } from './experiment/records.js';
import { samplesPanel } from './experiment/samples.js';
import { titleOf } from './experiment/title.js';
import { workPanel } from './experiment/work.js';
import { freshness } from './live.js';

const CATCH_UP_MS = 3000;
const SILENT_MS = 9000; // without news: it is asked whether there is none
const STALE_MS = 16000;

export async function experiment(main, _parameters, id) {
  let view = await look(id);
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

  const fresh = freshness(STALE_MS, () => reload());
  main.append(
    title,
    fresh.element,
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
    try {
      view = await look(id);
      fresh.updated();
      if (view.finishedAt) fresh.end();
      show();
    } catch {
      fresh.failed(); // what cannot be read now is read the next time
    }
  }

  async function done(error) {
    notes.replaceChildren(error ? problem(error) : '');
    if (!error) await reload();
  }

  show();
  if (view.finishedAt) fresh.end();
  await curves.load();

  const unfollow = followLive(id, {
    event: events.add,
    progress(news) {
      fresh.updated();
      const stageChanged = view.stage !== news.stage;
      const waitsChanged = !view.doing.length !== !news.doing.length; // the reasons are in its warnings
      const models = inModelOrder(merged(view.models, news.models));
      view = { ...view, stage: news.stage, models, doing: news.doing };
      axis.show(view.models);
      work.show(view);
      if (!model.inUse()) model.show(view);
      return stageChanged || waitsChanged;
    },
    reload,
    curves,
    ended: () => Boolean(view.finishedAt),
  });
  return () => {
    unfollow();
    for (const part of [axis, curves, figures, fresh]) part.close();
    document.title = 'Atelier';
  };
}

async function look(id) {
  const view = await get(`/experiments/${id}`);
  return { ...view, models: inModelOrder(view.models) };
}

/** Shows news at once, and what must be asked for every few seconds; the answer stops it. */
function followLive(id, { event, progress, reload, curves, ended }) {
  let heardAt = Date.now();
  let figuresBehind = false;
  let curvesBehind = false;
  const unfollow = follow(id, {
    event(e) {
      event(e);
      figuresBehind = true;
    },
    progress(news) {
      heardAt = Date.now();
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
    const silent = !ended() && Date.now() - heardAt > SILENT_MS;
    if (figuresBehind || silent) {
      figuresBehind = false;
      heardAt = silent ? Date.now() - SILENT_MS / 2 : heardAt; // and again soon
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
