// What stands above an experiment: its name and stage, where else it can be looked at, and what its user should know.
import { h, pill, when } from '../dom.js';
import { duration, time } from '../notation.js';

/** The elements of the heading. */
export function titleOf(view) {
  return [
    h(
      'div',
      { class: 'row spread' },
      h('div', { class: 'row' }, h('h1', {}, view.name), pill(view.paused ? 'PAUSED' : view.stage)),
      linksOf(view),
    ),
    h(
      'div',
      { class: 'soft small' },
      `${view.id} · launched `,
      when(view.createdAt),
      endOf(view),
      Object.entries(view.labels).map(([k, v]) => label(k, v)),
    ),
    view.error ? h('div', { class: 'note error' }, h('strong', {}, view.error.type), ` ${view.error.message}`) : '',
    view.stage === 'AWAITING_RETRY' ? waiting(view.retryUntil) : '',
    ...view.warnings.map((w) => h('div', { class: 'note small' }, w)),
  ];
}

function linksOf(view) {
  const hasReport = view.artifacts.some((a) => a.name === 'report.html');
  return h(
    'div',
    { class: 'row' },
    view.links.temporal ? h('a', { href: view.links.temporal, class: 'small' }, 'Temporal Web UI ↗') : null,
    hasReport ? h('a', { href: `api/v1/experiments/${view.id}/artifacts/report.html`, class: 'small' }, 'Report ↗') : null,
    h('a', { href: `#/launch?from=${view.id}`, class: 'small' }, 'Launch again with changes'),
  );
}

function endOf(view) {
  if (!view.finishedAt) return '';
  const seconds = (new Date(view.finishedAt) - new Date(view.createdAt)) / 1000;
  return [' · ended ', when(view.finishedAt), ` after ${duration(seconds)}`];
}

function label(key, value) {
  return h('a', { class: 'chip', href: `#/experiments?q=${encodeURIComponent(`label.${key}="${value}"`)}` }, `${key}: ${value}`);
}

function waiting(until) {
  return h(
    'div',
    { class: 'note' },
    'Some models failed, the others are done. Retry them, alone, from their last good checkpoint; nothing of the others is lost.',
    until ? [' It waits until ', time(until), ' and then ends with what it has.'] : '',
  );
}
