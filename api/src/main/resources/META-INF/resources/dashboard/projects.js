// Projects: what each may have and has, and what it used and cost by month.

import { get } from './api.js';
import { h } from './dom.js';
import { asOf } from './live.js';
import { account, bytes, NONE } from './notation.js';

export async function projects(main) {
  const { items } = await get('/projects');
  main.append(
    h('h1', {}, 'Projects'),
    h('p', { class: 'soft' }, 'Used, of what an admin lets each have: this month where it is hours (UTC), else now.'),
    asOf(),
    h(
      'div',
      { class: 'panel scroll', tabindex: 0 },
      items.length ? table(items) : h('div', { class: 'empty' }, h('p', {}, 'There is no project yet.')),
    ),
  );
  for (const { project } of items) {
    const usage = await get(`/projects/${encodeURIComponent(project)}/usage`);
    if (usage.items.length)
      main.append(h('h2', {}, `${project}, by month`), h('div', { class: 'panel scroll', tabindex: 0 }, months(usage.items)));
  }
}

function head(titles) {
  return h(
    'thead',
    {},
    h(
      'tr',
      {},
      titles.map((t) => h('th', {}, t)),
    ),
  );
}

function row(cells) {
  return h(
    'tr',
    {},
    cells.map((cell) => h('td', {}, cell)),
  );
}

function table(items) {
  return h(
    'table',
    { id: 'quotas' },
    head(['project', 'experiments', 'devices', 'waiting', 'GPU hours', 'CPU hours', 'stored']),
    h(
      'tbody',
      {},
      items.map(({ project, quota, used }) =>
        row([
          project,
          of(used.experiments, quota.experimentsWaiting, String),
          of(used.devices, quota.devicesAtOnce, String),
          String(used.waiting),
          of(used.gpuHours, quota.gpuHoursPerMonth, account),
          of(used.cpuHours, quota.cpuHoursPerMonth, account),
          of(used.storedBytes, quota.storedBytes, bytes),
        ]),
      ),
    ),
  );
}

function of(used, bound, written) {
  return bound === undefined ? written(used) : `${written(used)} of ${written(bound)}`;
}

function months(items) {
  return h(
    'table',
    {},
    head(['month', 'GPU hours', 'CPU hours', 'GiB months', 'cost']),
    h(
      'tbody',
      {},
      items.map((m) =>
        row([
          m.month,
          account(m.gpuHours),
          account(m.cpuHours),
          account(m.gibMonths),
          m.cost === undefined ? NONE : `${account(m.cost)} ${m.currency}`,
        ]),
      ),
    ),
  );
}
