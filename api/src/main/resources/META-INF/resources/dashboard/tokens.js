// The user's own tokens for scripts: made, shown once, revoked.

import { get, post, remove } from './api.js';
import { problem } from './app.js';
import { h, when } from './dom.js';
import { day } from './notation.js';

export async function tokens(main) {
  const made = h('div', { 'aria-live': 'polite' });
  const list = h('div', { class: 'panel scroll', tabindex: 0 });
  const name = h('input', { id: 'token-name', required: true, maxlength: 100, placeholder: 'nightly script' });
  const role = h(
    'select',
    { id: 'token-role' },
    h('option', { value: '' }, 'as mine'),
    ['viewer', 'operator', 'admin'].map((r) => h('option', { value: r }, r)),
  );
  const projects = h('input', { id: 'token-projects', placeholder: 'all of mine' });
  const days = h('input', { id: 'token-days', type: 'number', min: 1, placeholder: 'as many as allowed' });
  const form = h(
    'form',
    {
      class: 'panel',
      onsubmit: async (e) => {
        e.preventDefault();
        try {
          const answer = await post('/me/tokens', {
            name: name.value,
            ...(role.value ? { role: role.value } : {}),
            projects: projects.value.split(/[\s,]+/).filter(Boolean),
            ...(days.value ? { expiresInDays: Number(days.value) } : {}),
          });
          name.value = '';
          made.replaceChildren(
            h(
              'div',
              { class: 'note', id: 'made-token' },
              h('strong', {}, `The token ${answer.created.name}, which is shown this once: `),
              h('code', { class: 'mono' }, answer.token),
            ),
          );
          await show();
        } catch (problem_) {
          made.replaceChildren(problem(problem_));
        }
      },
    },
    h('h2', {}, 'A new one'),
    [
      ['token-name', 'Name', name],
      ['token-role', 'Role', role],
      ['token-projects', 'Projects', projects],
      ['token-days', 'Days', days],
    ].map(([id, label, input]) => h('div', { class: 'field' }, h('label', { for: id }, label), input)),
    h('div', { class: 'row' }, h('button', { type: 'submit' }, 'Make a token')),
  );
  main.append(
    h('h1', {}, 'Your tokens'),
    h('p', { class: 'soft' }, 'For scripts of yours. Each may do what it says, and never more than you may yourself.'),
    form,
    made,
    list,
  );

  async function show() {
    const { items } = await get('/me/tokens');
    list.replaceChildren(items.length ? table(items) : h('div', { class: 'empty' }, h('p', {}, 'You have none.')));
  }

  function table(items) {
    const titles = ['name', 'role', 'projects', 'made', 'expires', 'last used', 'end'];
    return h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          titles.map((t) => h('th', {}, t)),
        ),
      ),
      h('tbody', {}, items.map(row)),
    );
  }

  function row(token) {
    const revoke = async () => {
      try {
        await remove(`/me/tokens/${encodeURIComponent(token.id)}`);
        await show();
      } catch (problem_) {
        made.replaceChildren(problem(problem_));
      }
    };
    return h(
      'tr',
      {},
      h('td', {}, token.name),
      h('td', {}, token.role),
      h('td', {}, token.projects.join(' ') || 'all'),
      h('td', { class: 'small' }, when(token.createdAt)),
      h('td', { class: 'small' }, token.expiresAt ? day(token.expiresAt) : 'never'),
      h('td', { class: 'small' }, token.lastUsedAt ? when(token.lastUsedAt) : 'never'),
      h('td', {}, token.revokedAt ? 'revoked' : h('button', { class: 'quiet small danger', onclick: revoke }, 'Revoke')),
    );
  }

  await show();
}
