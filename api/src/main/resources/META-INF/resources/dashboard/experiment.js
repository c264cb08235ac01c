// One experiment, live: the timestep axis, its curves, its figures, its samples, what happened, and what can be done.
import { h, tip, figure, count, bytes, duration, pill, when, modelColour, SUBJECTS } from './dom.js';
import { get, post, follow } from './api.js';
import { problem } from './app.js';
import { timestepAxis, describe } from './axis.js';
import { curveChart, scatter } from './charts.js';
import { actionsOf } from './actions.js';

const POINTS = 1200; // of each curve; the server keeps every spike
const ORDER = ['loss', 'diffusion_loss', 'distillation_loss', 'feature_loss', 'gradient_norm', 'learning_rate', 'images_per_second'];

export async function experiment(main, parameters, id) {
  let view = await get(`/experiments/${id}`);
  const closing = [];
  const notes = h('div', { 'aria-live': 'polite' });
  const title = h('div', {});
  const actions = h("div", { class: "row", style: "margin-top: 8px" });
  const chosen = h('div', { class: 'panel' });
  let model = null;

  const axis = timestepAxis(view.spec.diffusion.timesteps, (key) => { model = key; showModel(); });
  closing.push(() => axis.close());

  const series = h('select', { 'aria-label': 'Series', onchange: () => curves(true) });
  const log = h('input', { type: 'checkbox', checked: true, id: 'log', onchange: () => chart.scale(log.checked) });
  const smooth = h('input', { type: 'range', min: 0, max: 0.99, step: 0.01, value: 0.6, id: 'smooth', style: 'width: 110px', oninput: () => chart.smooth(Number(smooth.value)) });
  let stretch = null;
  const chart = curveChart({ height: 320, zoomed: (from, to) => { stretch = from === undefined ? null : { from, to }; whole.hidden = !stretch; curves(true); } });
  const whole = h('button', { class: 'quiet small', hidden: true, onclick: () => { stretch = null; whole.hidden = true; curves(true); } }, 'Whole run');
  chart.smooth(0.6);
  closing.push(() => chart.close());

  const figures = h('div', { class: 'panel' });
  const samples = h('div', { class: 'panel', hidden: true });
  const events = h('tbody', {});
  const files = h('div', { class: 'panel', hidden: true });

  main.append(title, notes, actions,
    h('div', { class: 'panel' }, axis.element),
    h('div', { class: 'grid2' },
      h('div', { class: 'panel' }, h('div', { class: 'row spread', style: 'margin-bottom: 8px' }, h('h2', { style: 'margin: 0' }, 'Curves'),
        h('div', { class: 'row' }, whole, series, h('label', { for: 'log' }, log, ' log'), h('label', { for: 'smooth' }, 'smooth '), smooth)), chart.element,
      h('div', { class: 'soft small' }, 'Drag to zoom in: the server sends that stretch in full detail. Double-click to leave it.')),
      chosen),
    figures, samples,
    h('div', { class: 'grid2' },
      h('div', { class: 'panel' }, h('h2', {}, 'What happened'), h('div', { class: 'scroll', style: 'max-height: 380px; overflow-y: auto' }, h('table', {}, events))),
      h('div', { class: 'panel' }, h('h2', {}, 'Spec'), specOf(view), h('pre', { class: 'mono', tabindex: 0 }, JSON.stringify(view.spec, null, 2)))),
    files);

  function showTitle() {
    title.replaceChildren(
      h('div', { class: 'row spread' },
        h('div', { class: 'row' }, h('h1', {}, view.name), pill(view.paused ? 'PAUSED' : view.stage)),
        h('div', { class: 'row' },
          view.links.temporal ? h('a', { href: view.links.temporal, class: 'small' }, 'Temporal Web UI ↗') : null,
          view.artifacts.some((a) => a.name === 'report.html') ? h('a', { href: `api/v1/experiments/${id}/artifacts/report.html`, class: 'small' }, 'Report ↗') : null,
          h('a', { href: `#/launch?from=${id}`, class: 'small' }, 'Launch again with changes'))),
      h('div', { class: 'soft small' }, `${id} · launched `, when(view.createdAt), view.finishedAt ? [' · ended ', when(view.finishedAt), ` after ${duration((new Date(view.finishedAt) - new Date(view.createdAt)) / 1000)}`] : '',
        Object.entries(view.labels).map(([k, v]) => h('a', { class: 'chip', href: `#/experiments?q=${encodeURIComponent(`label.${k}="${v}"`)}` }, `${k}: ${v}`))),
      view.error ? h('div', { class: 'note error' }, h('strong', {}, view.error.type), ` ${view.error.message}`) : '',
      view.stage === 'AWAITING_RETRY' ? h('div', { class: 'note' }, 'Some models failed, the others are done. Retry them, alone, from their last good checkpoint; nothing of the others is lost.',
        view.retryUntil ? [' It waits until ', new Date(view.retryUntil).toLocaleString(), ' and then ends with what it has.'] : '') : '',
      ...view.warnings.map((w) => h('div', { class: 'note small' }, w)));
    actions.replaceChildren(...actionsOf(view, null, done));
    document.title = `${view.name} · Atelier`;
  }

  function showModel() {
    const m = view.models.find((x) => x.key === model) || view.models.find((x) => x.state === 'FAILED') || view.models.find((x) => x.state === 'RUNNING') || view.models[0];
    const rows = {
      state: pill(m.state), timesteps: `[${m.range.low}, ${m.range.high})`, 'sampler steps': m.visits, step: `${m.step} of ${m.totalSteps}`, loss: figure(m.loss),
      'images/s': figure(m.imagesPerSecond), left: m.etaSeconds === undefined ? undefined : duration(m.etaSeconds), parameters: count(m.parameters), MACs: count(m.macs),
      attempts: m.attempts, worker: m.worker, began: m.startedAt ? when(m.startedAt) : undefined, ended: m.finishedAt ? when(m.finishedAt) : undefined,
      'taken over from': m.reusedFrom ? h('a', { href: `#/experiments/${m.reusedFrom}` }, m.reusedFrom) : undefined,
      'compute': m.cpuSeconds === undefined ? undefined : `${duration(m.cpuSeconds)} CPU${m.gpuSeconds ? `, ${duration(m.gpuSeconds)} GPU` : ''}`,
      'repeated steps': m.repeatedSteps || undefined,
    };
    chosen.replaceChildren(
      h('div', { class: 'row spread' }, h('h2', { style: 'margin: 0' }, h('span', { style: `color: ${modelColour(m.key)}` }, '■ '), m.key),
        h('select', { 'aria-label': 'Model', onchange: (e) => { model = e.target.value; showModel(); } }, view.models.map((x) => h('option', { value: x.key, selected: x.key === m.key }, x.key)))),
      h('dl', { style: 'margin: 10px 0' }, Object.entries(rows).filter(([, v]) => v !== undefined && v !== null).flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, v)])),
      m.error ? h('div', { class: 'note error small' }, h('strong', {}, m.error.type), ` ${m.error.message}`) : '',
      h('div', { class: 'row' }, actionsOf(view, m, done)));
  }

  async function curves(now = false) {
    try {
      const started = view.models.filter((m) => m.step > 0 || m.reusedFrom);
      const answers = await Promise.all(started.map((m) => get(`/experiments/${id}/models/${m.key}/metrics`, { series: wantedSeries(), points: POINTS, ...(stretch || {}) })));
      const found = [];
      answers.forEach((answer, i) => answer.series.forEach((curve) => { if (curve.points.length) found.push({ name: started[i].key, colour: modelColour(started[i].key), points: curve.points }); }));
      chart.show(found);
      if (now || !series.options.length) await seriesNames(started);
    } catch (e) {
      notes.replaceChildren(problem(e));
    }
  }

  const wantedSeries = () => series.value || 'loss';

  async function seriesNames(started) {
    if (series.options.length || !started.length) return;
    const answer = await get(`/experiments/${id}/models/${started[started.length - 1].key}/metrics`, { points: 4 });
    const names = answer.series.map((x) => x.name).sort((a, b) => (ORDER.indexOf(a) + 99) % 99 - (ORDER.indexOf(b) + 99) % 99 || a.localeCompare(b));
    series.replaceChildren(...names.map((name) => h('option', { value: name, selected: name === 'loss' }, name.replaceAll('_', ' '))));
  }

  function showFigures() {
    const plot = scatter(view.evaluations.map((e) => ({ x: e.macsPerStep, y: e.distance, name: SUBJECTS[e.subject] || e.subject, colour: { teacher: '#8a8fa3', 'one-to-one': '#d08a1d', o2mkd: '#5a4fcf', merged: '#1f9d6b' }[e.subject] || '#8a8fa3' })),
      { x: 'MACs per sampling step', y: view.evaluations[0]?.metric || 'distance' });
    closing.push(() => plot.close());
    const names = [...new Set(view.evaluations.flatMap((e) => Object.keys(e.metrics)))].filter((n) => n !== 'frechetDistance');
    figures.replaceChildren(h('h2', {}, 'Distance against work'), h('div', { class: 'grid2', style: 'align-items: start' }, plot.element,
      view.evaluations.length ? h('div', {}, h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, h('th', {}, ''), view.evaluations.map((e) => h('th', { class: 'num' }, SUBJECTS[e.subject] || e.subject)))),
        h('tbody', {}, [
          [view.evaluations[0].metric, (e) => h('strong', {}, figure(e.distance))], ['MACs per step', (e) => count(e.macsPerStep)], ['parameters', (e) => count(e.parameters)],
          ['weights', (e) => bytes(e.weightsBytes)], ['images/s', (e) => figure(e.imagesPerSecond)], ['peak memory', (e) => (e.peakMemoryBytes ? bytes(e.peakMemoryBytes) : '–')],
          ...names.map((n) => [n.replace(/([A-Z])/g, ' $1').toLowerCase(), (e) => figure(e.metrics[n])]),
        ].map(([name, value]) => h('tr', {}, h('td', { class: 'soft small' }, name), view.evaluations.map((e) => h('td', { class: 'num' }, value(e)))))))), [...new Set(view.evaluations.map((e) => e.reusedFrom).filter(Boolean))].map((from) => h('p', { class: 'soft small' },
        `Figures of ${view.evaluations.filter((e) => e.reusedFrom === from).map((e) => SUBJECTS[e.subject] || e.subject).join(', ')}: taken over from `, h('a', { href: `#/experiments/${from}` }, from)))) : h('div', {})));
  }

  let pictures = '';
  function showSamples() {
    const order = ['dataset', 'teacher', 'one-to-one', 'o2mkd', 'merged'];
    const of = (pattern) => view.artifacts.filter((a) => pattern.test(a.name)).map((a) => [a.name.replace(/^(samples|trajectory)-|\.\w+$/g, ''), a])
      .sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
    const grids = of(/^samples-.*\.png$/);
    const paths = of(/^trajectory-.*\.png$/);
    const found = [...grids, ...paths].map(([, a]) => a.sha256).join();
    if (found === pictures) return; // and keep the slider where it is
    pictures = found;
    samples.hidden = !grids.length;
    const ways = h('div', {});
    samples.replaceChildren(h('h2', {}, 'Samples from the same noise'),
      h('div', { class: 'grids' }, grids.map(([name, a]) => h('figure', {}, h('figcaption', {}, name === 'dataset' ? 'real images' : SUBJECTS[name] || name), h('a', { href: a.href }, h('img', { src: a.href, alt: `Grid of ${name === 'dataset' ? 'real images' : `samples of ${name}`}` }))))),
      ways);
    if (paths.length) trajectories(paths).then((element) => ways.replaceChildren(element), (e) => notes.replaceChildren(problem(e)));
  }

  /** The way from noise to image. A picture has a row per frame and, beside it in JSON, the t of each row; -1 is the clean image. */
  async function trajectories(paths) {
    const GAP = 2; // pixels between the rows of a picture
    const frames = await Promise.all(paths.map(async ([name, a]) => ({
      name, picture: h('img', { src: a.href, alt: '' }),
      timesteps: (await get(`/experiments/${id}/artifacts/trajectory-${name}.json`)).timesteps,
      canvas: h('canvas', { class: 'pixels', role: 'img', 'aria-label': `Images of ${SUBJECTS[name] || name} at the chosen step` }),
    })));
    const { timesteps } = frames.find((f) => f.name === 'o2mkd') || frames[0];
    const ownerOf = (t) => view.models.find((m) => /^student-/.test(m.key) && t >= m.range.low && t < m.range.high);
    const said = h('div', { class: 'small', 'aria-live': 'polite' });
    const last = timesteps.length - 1;
    const slider = h('input', { type: 'range', min: 0, max: last, value: last, 'aria-label': 'Sampling step, from noise to image', oninput: () => draw() });
    const colours = timesteps.slice(0, -1).map((t) => ownerOf(t)).map((m) => (m ? modelColour(m.key) : 'transparent'));
    const band = h('div', { class: 'band', 'aria-hidden': 'true', style: `background: linear-gradient(to right, ${colours.map((c, i) => `${c} ${(100 * i) / last}% ${(100 * (i + 1)) / last}%`).join(', ')})` });
    const draw = () => {
      const row = Number(slider.value);
      for (const { picture, canvas, timesteps: own } of frames) {
        if (!picture.naturalWidth) continue;
        const height = (picture.naturalHeight + GAP) / own.length;
        canvas.width = picture.naturalWidth;
        canvas.height = height - GAP;
        canvas.getContext('2d').drawImage(picture, 0, -Math.min(row, own.length - 1) * height);
      }
      const t = timesteps[row];
      const owner = ownerOf(t);
      said.replaceChildren(...(t < 0 ? ['The clean image.'] : [`x at t = ${t}`, ...(owner ? ['; ', h('strong', { style: `color: ${modelColour(owner.key)}` }, owner.key), ' paints next.'] : ['.'])]));
    };
    frames.forEach(({ picture }) => picture.addEventListener('load', draw));
    draw();
    return h('div', {}, h('h3', {}, 'From noise to image'), h('div', { class: 'way' }, slider, band, said),
      h('div', { class: 'ways' }, frames.map(({ name, canvas }) => h('figure', {}, h('figcaption', {}, SUBJECTS[name] || name), canvas))));
  }

  function showFiles() {
    const exports = view.artifacts.filter((a) => a.kind === 'export');
    files.hidden = !exports.length;
    files.replaceChildren(h('h2', {}, 'Files that plain PyTorch loads'), h('div', { class: 'scroll' }, h('table', {}, h('tbody', {}, exports.map((a) => h('tr', {},
      h('td', {}, h('a', { href: a.href, download: a.name }, a.name)), h('td', { class: 'num' }, bytes(a.bytes)), h('td', { class: 'mono soft wide' }, `sha256 ${a.sha256.slice(0, 16)}…`)))))));
  }

  function showEvent(e) {
    events.prepend(h('tr', {}, h('td', { class: 'soft small num' }, tip(h('span', {}, new Date(e.at).toLocaleTimeString()), new Date(e.at).toLocaleString())), h('td', { style: 'white-space: nowrap' }, e.kind), h('td', { class: 'small' }, e.model ? h("strong", {}, `${e.model} `) : '', e.detail)));
  }

  async function reload() {
    view = await get(`/experiments/${id}`);
    showTitle();
    axis.show(view.models);
    showModel();
    showFigures();
    showSamples();
    showFiles();
  }

  async function done(error) {
    notes.replaceChildren(error ? problem(error) : '');
    if (!error) await reload();
  }

  showTitle();
  axis.show(view.models);
  showModel();
  showFigures();
  showSamples();
  showFiles();
  await curves();

  let figuresBehind = false;
  let curvesBehind = false;
  closing.push(follow(id, {
    event: (e) => { showEvent(e); if (!/^(checkpoint|model-started)/.test(e.kind)) figuresBehind = true; },
    progress: (news) => {
      const changed = new Map(news.models.map((m) => [m.key, m]));
      if (view.stage !== news.stage) figuresBehind = true;
      view = { ...view, stage: news.stage, models: [...view.models.map((m) => changed.get(m.key) || m), ...news.models.filter((m) => !view.models.some((old) => old.key === m.key))] };
      curvesBehind = true;
      axis.show(view.models);
      if (!chosen.contains(document.activeElement)) showModel();
    },
    end: () => { curves(); reload().catch(() => {}); },
  }));
  const timer = setInterval(() => {
    if (document.hidden) return;
    if (figuresBehind) { figuresBehind = false; reload().catch(() => {}); }
    if (curvesBehind && !stretch) { curvesBehind = false; curves(); }
  }, 3000);
  closing.push(() => clearInterval(timer));
  return () => { closing.forEach((close) => close()); document.title = 'Atelier'; };
}

function specOf(view) {
  const spec = view.spec;
  return h('dl', { style: 'margin-bottom: 8px' }, Object.entries({
    dataset: `${spec.dataset.source}, ${spec.dataset.resolution} px`, students: spec.students.count, p: `${spec.students.specificProbability} own range`,
    assignment: spec.students.assignment.kind, seed: spec.seed, compute: spec.compute,
  }).flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, String(v))]));
}
