// What is only listed: the spec, what happened, and the files.
import { h } from '../dom.js';
import { bytes, moment } from '../notation.js';
import { ArtifactKind, EventKind, meaningOf } from '../vocabulary.js';
import { copyable, toYaml } from '../yaml.js';

export function specPanel({ spec }) {
  const rows = {
    dataset: `${spec.dataset.source}, ${spec.dataset.resolution} px`,
    students: spec.students.count,
    p: `${spec.students.specificProbability} own range`,
    assignment: spec.students.assignment.kind,
    seed: spec.seed,
    compute: spec.compute,
  };
  return h(
    'div',
    { class: 'panel' },
    h('h2', {}, 'Spec'),
    h(
      'dl',
      { style: 'margin-bottom: 8px' },
      Object.entries(rows).flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, String(v))]),
    ),
    copyable('As YAML', h('pre', { class: 'mono spec', tabindex: 0 }, toYaml(spec))),
    h('p', { class: 'soft small' }, 'As a file, this launches the same experiment: ', h('code', {}, './atelier launch FILE.yaml'), '.'),
  );
}

/** Events, the newest first. */
export function eventsPanel() {
  const rows = h('tbody', {});
  return {
    element: h(
      'div',
      { class: 'panel' },
      h('h2', {}, 'What happened'),
      h('div', { class: 'scroll', tabindex: 0, style: 'max-height: 380px; overflow-y: auto' }, h('table', {}, rows)),
    ),
    add: (e) => rows.prepend(eventRow(e)),
  };
}

function eventRow(e) {
  return h(
    'tr',
    {},
    h('td', { class: 'soft small num' }, h('time', { datetime: e.at }, moment(e.at))),
    h('td', { style: 'white-space: nowrap', title: meaningOf(EventKind, e.kind) }, e.kind),
    h('td', { class: 'small' }, e.model ? h('strong', {}, `${e.model} `) : '', e.detail),
  );
}

export function filesPanel() {
  const element = h('div', { class: 'panel', hidden: true });
  return {
    element,
    show({ id, artifacts }) {
      const exports = artifacts.filter((a) => a.kind === ArtifactKind.EXPORT && !a.name.includes('/'));
      element.hidden = !exports.length;
      element.replaceChildren(
        h('h2', {}, 'Files that PyTorch and diffusers load'),
        h('p', { class: 'soft small' }, 'With the folders of diffusers: ', h('code', {}, `./atelier export ${id} --to out`)),
        h('div', { class: 'scroll', tabindex: 0 }, h('table', {}, h('tbody', {}, exports.map(fileRow)))),
      );
    },
  };
}

function fileRow(a) {
  return h(
    'tr',
    {},
    h('td', {}, h('a', { href: a.href, download: a.name }, a.name)),
    h('td', { class: 'num' }, bytes(a.bytes)),
    h('td', { class: 'mono soft wide' }, `sha256 ${a.sha256.slice(0, 16)}…`),
  );
}
