// Workers: who serves which task queue, on which device, and what each is at.

import { get } from './api.js';
import { h, pill, when } from './dom.js';
import { poll } from './live.js';
import { bytes } from './notation.js';

const CATCH_UP_MS = 6000;

export async function workers(main) {
  const body = h('div', { class: 'panel scroll', tabindex: 0 });
  async function show() {
    const items = [];
    let cursor;
    do {
      const page = await get('/workers', { limit: 200, cursor });
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor);
    body.replaceChildren(items.length ? table(items) : nobody());
  }
  await show();
  const live = poll(show, CATCH_UP_MS);
  main.append(h('h1', {}, 'Workers'), live.element, body);
  return live.close;
}

function nobody() {
  return h('div', { class: 'empty' }, h('p', {}, 'No worker has been seen within a day: experiments wait until one starts.'));
}

function table(items) {
  return h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ['name', 'seen', 'device', 'task queues', 'doing', 'since'].map((t) => h('th', {}, t)),
      ),
    ),
    h(
      'tbody',
      {},
      items.flatMap((worker) => rows(worker)),
    ),
  );
}

/** One row for each thing that the worker is at, and one for a worker that waits. */
function rows(worker) {
  const memory = worker.deviceMemoryBytes ? `, ${bytes(worker.deviceMemoryBytes)}` : '';
  const own = [
    h('td', {}, worker.name),
    h('td', { class: 'small' }, worker.here ? 'now' : h('span', {}, pill('FAILED', 'gone'), ' ', when(worker.seenAt))),
    h('td', {}, `${worker.device}${memory}, ${worker.threads} thread${worker.threads === 1 ? '' : 's'}`),
    h('td', { class: 'small' }, worker.taskQueues.join(' ')),
  ];
  if (!worker.doing.length) return [h('tr', {}, own, h('td', { class: 'soft' }, 'waits for work'), h('td', {}))];
  return worker.doing.map((work, i) =>
    h('tr', {}, i ? [h('td', { colspan: own.length })] : own, h('td', {}, doing(work)), h('td', { class: 'small' }, when(work.since))),
  );
}

function doing(work) {
  return [
    `${work.activity} `,
    work.experiment ? h('a', { class: 'inline', href: `#/experiments/${work.experiment}` }, work.experiment) : null,
    work.model ? ` ${work.model}` : '',
    work.progress ? h('div', { class: 'small soft' }, said(work.progress)) : null,
  ];
}

function said({ what, done, total }) {
  return total ? `${what}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}` : what;
}
