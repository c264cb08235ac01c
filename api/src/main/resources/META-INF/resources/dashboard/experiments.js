// The list of experiments: filters and order in the address, a few chosen to compare.

import { get } from './api.js';
import { problem, setParameters } from './app.js';
import { smallAxis } from './axis.js';
import { sparkline } from './charts.js';
import { h, keepingFocus, pill, tip, when } from './dom.js';
import { poll } from './live.js';
import { duration, factor, figure, NONE } from './notation.js';
import { inOrder, Subject, titleOf } from './vocabulary.js';

const EXAMPLES = ['students=4 distance<20', 'stage=AWAITING_RETRY', 'p>=0.5 spec.students.loss.distillation=1', 'label.team=vision cifar'];
const LIVE = 4000; // ms between looks
const PAGE = 50;
const MOST = 200; // that the server gives at once

export async function experiments(main, parameters) {
  const chosen = new Set();
  let next;
  let newest = 0; // the request whose answer counts

  const search = h('input', {
    type: 'search',
    name: 'q',
    placeholder: 'students=4 distance<20 …   ( / )',
    'aria-label': 'Search',
    value: parameters.get('q') || '',
    style: 'flex: 1 1 260px',
    list: 'examples',
    autocomplete: 'off',
    onchange: () => ask(),
  });
  const body = h('tbody', {});
  const head = h('tr', {});
  const more = h('button', { class: 'quiet', onclick: () => load(next) }, 'Show more');
  const notes = h('div', { 'aria-live': 'polite' });
  const bar = h('div', { class: 'bar row', hidden: true });
  const table = h(
    'div',
    { class: 'panel scroll', tabindex: 0 },
    h('table', { class: 'cards' }, h('thead', {}, head), body),
    h('div', { style: 'text-align: center; padding-top: 10px' }, more),
  );

  main.append(
    h('div', { class: 'row spread' }, h('h1', {}, 'Experiments'), h('a', { class: 'button', href: '#/launch' }, 'Launch')),
    h(
      'form',
      {
        class: 'row',
        style: 'margin-top: 12px',
        onsubmit: (e) => {
          e.preventDefault();
          ask();
        },
      },
      search,
      h(
        'datalist',
        { id: 'examples' },
        EXAMPLES.map((value) => h('option', { value })),
      ),
      tip(
        h('button', { type: 'button', class: 'quiet', 'aria-label': 'How to search' }, '?'),
        'Conditions and words that must all hold.\nFields: name, stage, dataset, students, p, seed, created, updated, finished, study, distance, macs, distance.teacher, label.<key>, spec.<field>\nOperators: = != < <= > >= and ~ for a part of a text',
      ),
    ),
    notes,
    table,
    bar,
  );

  function headings() {
    const sort = parameters.get('sort') || '-created';
    const sorted = (text, field, cls = '') => {
      const up = sort === field;
      const down = sort === `-${field}`;
      return h(
        'th',
        { class: cls, 'aria-sort': up ? 'ascending' : down ? 'descending' : 'none' },
        h(
          'button',
          {
            onclick: () => {
              parameters.set('sort', up ? `-${field}` : field);
              headings();
              ask();
            },
          },
          `${text}${up ? ' ↑' : down ? ' ↓' : ''}`,
        ),
      );
    };
    head.replaceChildren(
      h('td', { class: 'wide' }),
      sorted('name', 'name'),
      h('th', {}, 'stage'),
      h('th', { class: 'wide' }, 'timesteps'),
      h('th', { class: 'wide' }, 'loss'),
      sorted('N', 'students', 'num'),
      sorted('p', 'p', 'num wide'),
      sorted('teacher', 'distance.teacher', 'num'),
      sorted('O2MKD', 'distance', 'num'),
      tip(sorted('MACs', 'macs', 'num wide'), "Multiply-accumulates per sampling step: the teacher's over the students'"),
      tip(h('th', { class: 'num wide' }, 'cost'), 'What its trainings took, over every attempt: time on GPUs, or of all processors'),
      sorted('launched', 'created', 'num'),
    );
  }

  /** What the trainings took so far. */
  function cost(e) {
    if (e.gpuSeconds > 0) return `${duration(e.gpuSeconds)} GPU`;
    return e.cpuSeconds > 0 ? `${duration(e.cpuSeconds)} CPU` : NONE;
  }

  function row(e) {
    const distances = e.distances;
    const best = Math.min(
      ...Object.entries(distances)
        .filter(([k]) => k !== Subject.TEACHER)
        .map(([, v]) => v),
    );
    const students =
      distances[Subject.O2MKD] === undefined && distances[Subject.O2MKD_PARTIAL] !== undefined
        ? Subject.O2MKD_PARTIAL
        : distances[Subject.MERGED] !== undefined && distances[Subject.MERGED] === best
          ? Subject.MERGED
          : Subject.O2MKD;
    const macs = [e.macsPerStep[Subject.TEACHER], e.macsPerStep[Subject.O2MKD]];
    const faster = macs[0] && macs[1] ? factor(macs[0] / macs[1]) : NONE;
    const box = h('input', {
      type: 'checkbox',
      'data-key': `choose ${e.id}`,
      'aria-label': `Choose ${e.name}`,
      onchange: () => {
        if (box.checked) chosen.add(e.id);
        else chosen.delete(e.id);
        choice();
      },
    });
    box.checked = chosen.has(e.id);
    const link = `#/experiments/${e.id}`;
    return h(
      'tr',
      { 'data-id': e.id },
      h('td', {}, box),
      h(
        'td',
        { class: 'title', style: 'min-width: 150px; max-width: 360px; overflow-wrap: anywhere' },
        h('a', { href: link, 'data-key': e.id }, e.name),
        h(
          'div',
          { class: 'soft small wide', style: 'white-space: nowrap; overflow: hidden; text-overflow: ellipsis' },
          e.id,
          Object.entries(e.labels)
            .filter(([, v]) => !e.name.includes(v))
            .slice(0, 3)
            .map(([k, v]) => h('span', { class: 'chip', style: 'margin-left: 6px' }, `${k}: ${v}`)),
        ),
      ),
      h('td', {}, pill(e.paused ? 'PAUSED' : e.stage)),
      h('td', { class: 'wide' }, smallAxis(e.models)),
      h('td', { class: 'wide', 'data-loss': e.id }, ''),
      h('td', { class: 'num', 'data-label': 'N' }, e.students),
      h('td', { class: 'num wide' }, e.specificProbability),
      h('td', { class: 'num', 'data-label': 'teacher' }, figure(distances[Subject.TEACHER])),
      tip(
        h('td', { class: 'num', 'data-label': titleOf(Subject, students) }, h('strong', {}, figure(distances[students]))),
        inOrder(Subject, Object.keys(distances))
          .map((k) => `${titleOf(Subject, k)} ${figure(distances[k])}`)
          .join('\n') || 'not evaluated yet',
      ),
      h('td', { class: 'num wide' }, faster),
      h('td', { class: 'num wide' }, cost(e)),
      h('td', { class: 'num soft small' }, when(e.createdAt)),
    );
  }

  function choice() {
    bar.hidden = chosen.size === 0;
    bar.replaceChildren(
      `${chosen.size} chosen`,
      chosen.size > 1
        ? h('a', { class: 'button', href: `#/compare?ids=${[...chosen].join(',')}` }, 'Compare')
        : h('span', { class: 'soft' }, 'choose another to compare'),
      h(
        'button',
        {
          class: 'quiet',
          style: 'color: inherit',
          onclick: () => {
            chosen.clear();
            body.querySelectorAll('input').forEach((i) => {
              i.checked = false;
            });
            choice();
          },
        },
        'Clear',
      ),
    );
  }

  async function load(cursor, quiet = false) {
    const mine = quiet ? newest : ++newest; // a look of our own gives way to the user's
    const limit = quiet ? Math.min(MOST, Math.max(PAGE, body.children.length)) : PAGE;
    try {
      const page = await get('/experiments', { q: parameters.get('q'), sort: parameters.get('sort'), limit, cursor });
      if (mine !== newest) return;
      notes.replaceChildren(...page.warnings.map((w) => h('div', { class: 'note small' }, w)));
      const losses = new Map([...body.querySelectorAll('[data-loss]')].map((td) => [td.dataset.loss, [...td.childNodes]]));
      const rows = page.items.map(row);
      const beyond = quiet ? [...body.children].slice(limit) : []; // more than an answer holds
      keepingFocus(body, () => (cursor ? body.append(...rows) : body.replaceChildren(...rows, ...beyond)));
      if (beyond.length) notes.append(h('div', { class: 'note small' }, `Only the first ${limit} are updated.`));
      body.querySelectorAll('[data-loss]').forEach((td) => {
        if (!td.childNodes.length && losses.has(td.dataset.loss)) td.append(...losses.get(td.dataset.loss));
      });
      if (!beyond.length) next = page.nextCursor;
      more.hidden = !next;
      if (!body.children.length) empty();
      if (page.items.length) {
        const found = await get('/experiments/losses', { ids: page.items.map((e) => e.id).join(',') });
        for (const [id, values] of Object.entries(found)) body.querySelector(`[data-loss="${id}"]`)?.replaceChildren(sparkline(values));
      }
    } catch (e) {
      if (quiet) throw e; // what is shown stays, with a note of its age
      if (mine === newest) notes.replaceChildren(problem(e));
    }
  }

  function empty() {
    body.append(
      h(
        'tr',
        {},
        h(
          'td',
          { colspan: 12 },
          h(
            'div',
            { class: 'empty' },
            parameters.get('q')
              ? [
                  h('p', {}, 'No experiment is like that.'),
                  h(
                    'button',
                    {
                      class: 'quiet',
                      onclick: () => {
                        search.value = '';
                        ask();
                      },
                    },
                    'Show all',
                  ),
                ]
              : [
                  h('p', {}, 'No experiments yet. Launch one here, or with'),
                  h('pre', {}, './atelier launch examples/demo.yaml'),
                  h('p', {}, h('a', { class: 'button', href: '#/launch' }, 'Launch')),
                ],
          ),
        ),
      ),
    );
  }

  function ask() {
    parameters.set('q', search.value.trim());
    setParameters(parameters);
    load();
  }

  headings();
  await load();
  const live = poll(() => load(undefined, true), LIVE);
  notes.before(live.element);
  return () => {
    live.close();
    newest++;
  };
}
