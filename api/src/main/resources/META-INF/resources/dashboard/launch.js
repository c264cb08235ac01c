// A form over the JSON Schema of the spec. What is not changed is left out of the document, so that it stays short.

import { get, Problem, post } from './api.js';
import { problem } from './app.js';
import { cutEditor } from './axis.js';
import { h, inModelOrder } from './dom.js';
import { bytes, count, duration, NONE, rate } from './notation.js';
import { copyable, toYaml } from './yaml.js';

const OPEN = ['dataset', 'students', 'students.assignment'];
const WORDS = { 'students.loss.distillation': 'distillation weight', 'students.loss.diffusion': 'diffusion weight' };

// The local stack writes this file; what stands in it is on no command line.
const WHO = /^(localhost|127\.|\[::1\])/.test(location.hostname) ? '-K ~/.atelier/curl' : '-H "Authorization: Bearer $TOKEN"';

export async function launch(main, parameters) {
  const schema = await get('/schemas/experiment');
  const from = parameters.get('from');
  const earlier = from ? (await get(`/experiments/${from}`)).spec : {};
  const document_ = {}; // what will be sent
  const fields = new Map(); // path -> { input, fault, read, type }
  const resolve = (node) => (node.$ref ? { ...schema.$defs[node.$ref.split('/').pop()], ...node } : node);

  let waiting; // for the user to stop typing
  let asked = 0; // the question whose answer counts
  let drifts = ''; // the question whose drift is shown

  const form = h('form', {
    id: 'spec-form',
    onsubmit: (e) => {
      e.preventDefault();
      start();
    },
  });
  const yaml = h('pre', { class: 'mono', tabindex: 0 });
  const curl = h('pre', { class: 'mono', tabindex: 0 });
  const estimate = h('div', { 'aria-live': 'polite' });
  const faults = h('div', { 'aria-live': 'polite' });
  const go = h('button', { type: 'submit', form: 'spec-form' }, 'Launch'); // it stands beside the form

  const timesteps = () => Number(value('diffusion.timesteps') || 1000);
  const editor = cutEditor(1000, uniform(4), (cuts) => {
    set('students.assignment.kind', 'explicit');
    set('students.assignment.boundaries', cuts);
    changed();
  });
  const measured = h('div', { class: 'soft small' }); // where the drift curve is from
  const ranges = h(
    'div',
    { class: 'panel' },
    h('h2', {}, 'Ranges'),
    h(
      'div',
      { class: 'soft small' },
      'Drag a cut, or move it with the arrow keys: the assignment becomes explicit. 12×: twelve sampler steps ask that student.',
    ),
    editor.element,
    measured,
  );

  main.append(
    h('h1', {}, from ? 'Launch again with changes' : 'Launch an experiment'),
    h(
      'div',
      { class: 'grid2 sides' },
      h('div', {}, ranges, h('div', { class: 'panel' }, form)),
      h(
        'div',
        {},
        h(
          'div',
          { class: 'panel' },
          h('div', { class: 'row spread' }, h('h2', { style: 'margin: 0' }, 'What it takes'), go),
          faults,
          estimate,
        ),
        h('div', { class: 'panel' }, copyable('The spec', yaml), copyable('The same with curl', curl)),
      ),
    ),
  );

  build(schema, '', form, earlier);
  await changed(true);
  return () => editor.close();

  function build(node, path, box, values) {
    const scalars = h('div', { class: 'fields' });
    box.append(scalars);
    for (const [name, raw] of Object.entries(node.properties || {})) {
      const child = resolve(raw);
      if (child.deprecated) continue; // a former name of another
      const at = path ? `${path}.${name}` : name;
      const given = values?.[name];
      if (child.type === 'object' && child.properties) {
        const details = h(
          'details',
          { open: OPEN.includes(at) },
          h('summary', {}, h('strong', {}, name), h('span', { class: 'soft small' }, `  ${child.description || ''}`)),
        );
        const inner = h('div', { style: 'padding: 8px 0 0 14px' });
        details.append(inner);
        box.append(h('div', { style: 'margin: 8px 0' }, details));
        build(child, at, inner, given);
      } else {
        scalars.append(field(at, name, child, given));
      }
    }
  }

  function field(path, name, node, given) {
    const type = Array.isArray(node.type) ? node.type[0] : node.type;
    const standard = node.default;
    const id = `f-${path}`;
    const unsaid = standard === undefined ? [h('option', { value: '' }, '')] : []; // the records know what it means
    let input;
    if (node.enum)
      input = h(
        'select',
        { id },
        unsaid,
        node.enum.map((v) => h('option', { value: v, selected: v === standard }, v)),
      );
    else if (type === 'boolean')
      input = h(
        'select',
        { id },
        unsaid,
        [false, true].map((v) => h('option', { value: String(v), selected: v === standard }, v ? 'yes' : 'no')),
      );
    else if (type === 'integer' || type === 'number')
      input = h('input', { id, type: 'number', step: type === 'integer' ? 1 : 'any', placeholder: standard ?? '' });
    else
      input = h('input', {
        id,
        type: 'text',
        placeholder: standard === undefined || standard === null ? '' : typeof standard === 'string' ? standard : JSON.stringify(standard),
      });
    const read = () => {
      const text = input.value.trim();
      if (text === '' || text === String(standard)) return undefined;
      if (type === 'integer' || type === 'number') return Number(text);
      if (type === 'boolean') return text === 'true';
      if (type === 'array' || type === 'object') {
        try {
          return JSON.parse(text);
        } catch {
          return text;
        }
      }
      return text;
    };
    const write = (v) => {
      input.value =
        v === undefined || v === null
          ? (node.enum || type === 'boolean') && standard !== undefined
            ? String(standard)
            : ''
          : typeof v === 'object'
            ? JSON.stringify(v)
            : String(v);
    };
    if (given !== undefined && JSON.stringify(given) !== JSON.stringify(standard)) write(given);
    const fault = h('div', { class: 'fault', role: 'alert' });
    input.addEventListener('input', () => changed());
    fields.set(path, { input, fault, read, write });
    return h(
      'div',
      { class: 'field', title: node.description || '' },
      h('label', { for: id }, WORDS[path] || name.replace(/([A-Z])/g, ' $1').toLowerCase()),
      input,
      fault,
    );
  }

  function set(path, v) {
    fields.get(path)?.write(v);
  }

  function value(path) {
    return fields.get(path)?.read();
  }

  function collect() {
    for (const key of Object.keys(document_)) delete document_[key];
    for (const [path, f] of fields) {
      const v = f.read();
      if (v === undefined) continue;
      const names = path.split('.');
      let at = document_;
      for (const name of names.slice(0, -1)) at = at[name] ??= {};
      at[names.at(-1)] = v;
    }
    for (const role of ['teacher', 'students']) {
      if (earlier[role]?.network?.transformer) {
        document_[role] ??= {};
        document_[role].network ??= {};
        document_[role].network.transformer ??= {}; // of defaults alone it still makes the network a transformer
      }
    }
    const boundaries = document_.students?.assignment?.boundaries;
    if (boundaries && document_.students.assignment.kind !== 'explicit') delete document_.students.assignment.boundaries;
  }

  async function changed(now = false) {
    collect();
    const text = toYaml(document_) || '{}\n';
    yaml.textContent = text;
    curl.textContent = `curl ${WHO} -H 'Content-Type: application/yaml' --data-binary @- ${location.origin}/api/v1/experiments <<'EOF'\n${text}EOF`;
    const kind = value('students.assignment.kind') || 'uniform';
    const n = Number(value('students.count') || 4);
    const boundaries = value('students.assignment.boundaries');
    const gamma = Number(value('students.assignment.gamma') || 1);
    if (kind === 'explicit' && Array.isArray(boundaries) && boundaries.length === n + 1) editor.set(boundaries);
    else if (kind !== 'explicit') editor.set(kind === 'power' ? uniform(n, gamma) : uniform(n));
    else {
      set('students.assignment.boundaries', uniform(n));
      editor.set(uniform(n));
      if (!now) {
        return changed(true);
      }
    }
    clearTimeout(waiting);
    waiting = setTimeout(check, now ? 0 : 350);
    return undefined;
  }

  function uniform(n, gamma = 1) {
    return Array.from({ length: n + 1 }, (_, i) => Math.round(timesteps2() * (i / n) ** gamma));
  }

  function timesteps2() {
    return fields.size ? timesteps() : 1000;
  }

  /** The drift that an experiment on the same images measured, under the cuts that are made of it. */
  async function drift() {
    const source = fields.get('dataset.source').input.value.trim() || fields.get('dataset.source').input.placeholder;
    const total = timesteps();
    if (drifts === `${total} ${source}`) return;
    drifts = `${total} ${source}`;
    editor.setCurve([]);
    measured.replaceChildren();
    const found = await get('/experiments', { q: `dataset=${JSON.stringify(source)} spec.students.assignment.kind=measured`, limit: 5 });
    for (const e of found.items) {
      const file = await get(`/experiments/${e.id}/artifacts/drift.json`).catch(() => null); // not measured yet
      if (file?.timesteps !== total || drifts !== `${total} ${source}`) continue;
      editor.setCurve(file.lengths.map((length, i) => [file.curve.bins[i].high, length]));
      measured.replaceChildren(
        `Above: how far neighbouring timesteps are apart (${file.signal.toLowerCase()}), as measured on the teacher of `,
        h('a', { href: `#/experiments/${e.id}` }, e.name),
        '.',
      );
      return;
    }
  }

  async function check() {
    drift().catch(() => {}); // the form does without
    const mine = ++asked;
    try {
      const answer = await post('/experiments?dryRun=true', document_);
      if (mine !== asked) return;
      show([]);
      go.disabled = false;
      const models = inModelOrder(answer.models || []);
      const students = models.filter((m) => m.key.startsWith('student-'));
      if (students.length && students.every((m) => m.range)) {
        if (value('students.assignment.kind') !== 'explicit') editor.set([0, ...students.map((m) => m.range.high)]);
        editor.setVisits(students.map((m) => m.visits));
      }
      const open = estimate.querySelector('details')?.open;
      faults.replaceChildren(...answer.warnings.map((w) => h('div', { class: 'note small' }, w)));
      estimate.replaceChildren(
        h(
          'div',
          { class: 'scroll', tabindex: 0 },
          h(
            'table',
            { class: 'small' },
            h(
              'thead',
              {},
              h(
                'tr',
                {},
                ['model', 'parameters', 'MACs', 'visits', 'steps', 'memory', 'steps/s', 'time'].map((t, i) =>
                  h('th', { class: i ? 'num' : '' }, t),
                ),
              ),
            ),
            h(
              'tbody',
              {},
              models.map((m) =>
                h(
                  'tr',
                  {},
                  h('td', { style: 'white-space: nowrap' }, m.key),
                  h('td', { class: 'num' }, count(m.parameters)),
                  h('td', { class: 'num' }, count(m.macs)),
                  h('td', { class: 'num', title: 'Sampler steps that ask it' }, m.visits ?? NONE),
                  h('td', { class: 'num' }, count(m.steps)),
                  h('td', { class: 'num', title: 'That a training step holds at most' }, m.memory ? bytes(m.memory.total) : NONE),
                  h('td', { class: 'num' }, rate(m.stepsPerSecond)),
                  h('td', { class: 'num' }, m.hours === undefined ? NONE : duration(3600 * m.hours)),
                ),
              ),
            ),
          ),
        ),
        h(
          'p',
          { class: 'soft small' },
          `${answer.deviceHours === undefined ? '' : `${duration(3600 * answer.deviceHours)} of device time in all. `}${answer.estimatedFrom}`,
        ),
        memoryOf(models, open),
      );
    } catch (e) {
      if (mine !== asked) return;
      go.disabled = true;
      estimate.replaceChildren();
      show(e instanceof Problem && e.faults.length ? e.faults : [], e);
    }
  }

  function show(list, error) {
    for (const f of fields.values()) f.fault.textContent = '';
    const rest = [];
    for (const f of list) {
      const known = fields.get(f.field) || fields.get(f.field.replace(/\[.*$/, ''));
      if (known) {
        known.fault.textContent = f.message;
        known.input.closest('details')?.setAttribute('open', '');
      } else rest.push(f);
    }
    faults.replaceChildren(
      ...(error && (!list.length || rest.length)
        ? [problem(error)]
        : error
          ? [
              h(
                'div',
                { class: 'note error' },
                `${list.length === 1 ? 'One field is' : `${list.length} fields are`} not right: see the form.`,
              ),
            ]
          : []),
    );
  }

  async function start() {
    go.disabled = true;
    try {
      const answer = await post('/experiments', document_);
      location.hash = `#/experiments/${answer.id}`;
    } catch (e) {
      show(e.faults || [], e);
      go.disabled = false;
    }
  }
}

/** What a training step holds at most; models that hold the same are one row. */
function memoryOf(models, open) {
  const holding = new Map();
  for (const m of models.filter((m) => m.memory)) {
    const same = JSON.stringify(m.memory);
    holding.set(same, [...(holding.get(same) || []), m.key]);
  }
  if (!holding.size) return h('p', { class: 'soft small' }, 'What a training step holds is known once the teacher is imported.');
  const plans = [...holding].map(([memory, keys]) => [
    keys.length > 2 ? `${keys[0]} … ${keys.at(-1)}` : keys.join(', '),
    JSON.parse(memory),
  ]);
  const table = (titles, rows) =>
    h(
      'div',
      { class: 'scroll', tabindex: 0 },
      h(
        'table',
        { class: 'small' },
        h('thead', {}, h('tr', {}, ...titles.map((t, i) => h('th', { class: i ? 'num' : '' }, t)))),
        h(
          'tbody',
          {},
          ...rows.map((row) =>
            h('tr', {}, ...row.map((cell, i) => h('td', i ? { class: 'num' } : { style: 'white-space: nowrap' }, cell))),
          ),
        ),
      ),
    );
  return h(
    'details',
    { class: 'memory small', open },
    h('summary', {}, 'Memory of a training step'),
    table(
      ['model', 'weights', 'average', 'moments', 'gradients', 'activations', 'teacher'],
      plans.map(([name, { parts }]) => [
        name,
        bytes(parts.weights),
        bytes(parts.average),
        bytes(parts.moments),
        bytes(parts.gradients),
        bytes(parts.activations),
        parts.teacherWeights ? bytes(parts.teacherWeights + parts.teacherActivations) : NONE,
      ]),
    ),
    table(
      ['model', 'samples at once', 'activations kept', 'computed again'],
      plans.flatMap(([name, { bySamples }]) => bySamples.map((o) => [name, `${o.samples}`, bytes(o.kept), bytes(o.checkpointed)])),
    ),
    h('p', { class: 'soft' }, 'Activations are computed again with training.gradientCheckpointing.'),
  );
}
