// What became of a study's claims: each beside its figure and ours.

import { h, pill } from './dom.js';
import { given, NONE, spread } from './notation.js';
import { meaningOf, titleOf, Verdict } from './vocabulary.js';

const COLUMNS = ['claim', 'its figure', 'ours', 'verdict', 'rule', 'at which size'];

/** A panel with a line for each claim; nothing where the study makes none. */
export function scorecard(rows) {
  return rows.length
    ? h(
        'div',
        { class: 'panel scroll scorecard', tabindex: 0 },
        h('h2', {}, 'Scorecard: what was claimed, and what was measured so far'),
        h(
          'table',
          {},
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              COLUMNS.map((name) => h('th', {}, name)),
            ),
          ),
          h('tbody', {}, rows.map(line)),
        ),
      )
    : '';
}

function line({ claim, figure: claimed, quantity, ours, verdict, rule, size }) {
  return h(
    'tr',
    {},
    h('td', {}, claim, h('div', { class: 'soft small' }, quantity)),
    h('td', {}, Number.isFinite(claimed) ? given(claimed) : h('span', { class: 'soft' }, 'not known to us')),
    h('td', {}, ours ? measured(ours) : NONE),
    h('td', { title: meaningOf(Verdict, verdict) }, pill(state(verdict), titleOf(Verdict, verdict))),
    h('td', { class: 'small' }, rule),
    h('td', { class: 'soft small' }, size ? sizeText(size) : NONE),
  );
}

function measured({ mean, deviation, seeds }) {
  return [h('strong', {}, spread(mean, deviation)), h('div', { class: 'soft small' }, `${seeds} ${seeds === 1 ? 'seed' : 'seeds'}`)];
}

/** The state whose colour the verdict has. */
function state(verdict) {
  if (verdict === Verdict.HOLDS) return 'DONE';
  if (verdict === Verdict.FAILS) return 'FAILED';
  return 'PENDING';
}

function sizeText({ teacherSteps, studentSteps, batchSize, samples, distance }) {
  const teacher = Number.isFinite(teacherSteps) ? `teacher ${teacherSteps} steps` : 'teacher imported';
  return `${teacher}, students ${studentSteps} steps of ${batchSize} images, ${samples} samples${distance ? `, ${distance}` : ''}`;
}
