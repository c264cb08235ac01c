// Shows the page that the address names. Each page is a function that fills an element and may return how to leave it.

import { compare } from './compare.js';
import { h } from './dom.js';
import { experiment } from './experiment.js';
import { experiments } from './experiments.js';
import { launch } from './launch.js';
import { projects } from './projects.js';
import { studies, study } from './studies.js';
import { caller, signOut, takeFromAddress } from './token.js';
import { tokens } from './tokens.js';
import { loadVocabulary } from './vocabulary.js';
import { workers } from './workers.js';

const PAGES = [
  [/^\/experiments$/, 'Experiments', experiments],
  [/^\/experiments\/([^/]+)$/, 'Experiments', experiment],
  [/^\/studies$/, 'Studies', studies],
  [/^\/studies\/([^/]+)$/, 'Studies', study],
  [/^\/launch$/, 'Launch', launch],
  [/^\/compare$/, 'Experiments', compare],
  [/^\/workers$/, 'Workers', workers],
  [/^\/projects$/, 'Projects', projects],
  [/^\/tokens$/, 'Tokens', tokens],
];

let leave = () => {};

/** The path and the parameters behind the # of the address. */
export function address() {
  const [path, query = ''] = location.hash.replace(/^#/, '').split('?');
  return { path: path || '/experiments', parameters: new URLSearchParams(query) };
}

/** Changes the parameters of the address without a new page. */
export function setParameters(parameters) {
  for (const [name, value] of [...parameters]) if (!value) parameters.delete(name);
  const query = parameters.toString();
  history.replaceState(null, '', `#${address().path}${query ? `?${query}` : ''}`);
}

/** What went wrong, with what to do. */
export function problem(e) {
  return h(
    'div',
    { class: 'note error', role: 'alert' },
    h('strong', {}, e.title || 'Something went wrong'),
    h('div', {}, e.message),
    (e.faults || []).length > 1
      ? h(
          'ul',
          {},
          e.faults.map((f) => h('li', {}, h('code', {}, f.field), ` ${f.message}`)),
        )
      : null,
    e.traceId ? h('div', { class: 'soft small' }, `trace ${e.traceId}`) : null,
  );
}

async function show() {
  await takeFromAddress();
  leave();
  leave = () => {};
  const main = document.getElementById('main');
  const { path, parameters } = address();
  const page = PAGES.find(([form]) => form.test(path));
  for (const a of document.querySelectorAll('.top nav a')) {
    const here = Boolean(page) && a.textContent === page[1];
    a.classList.toggle('here', here);
    if (here) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  main.replaceChildren();
  if (!page) {
    main.append(
      h(
        'div',
        { class: 'empty' },
        h('h1', {}, 'There is no such page'),
        h('p', {}, h('a', { href: '#/experiments' }, 'Show the experiments')),
      ),
    );
    return;
  }
  try {
    await loadVocabulary();
    await showCaller();
    leave = (await page[2](main, parameters, ...path.match(page[0]).slice(1).map(decodeURIComponent))) || (() => {});
  } catch (e) {
    main.append(problem(e));
  }
}

/** Who is signed in, in the head of the page. */
async function showCaller() {
  const place = document.getElementById('caller');
  if (place.childElementCount) return;
  const who = await caller();
  if (!who) return;
  place.append(
    who.person
      ? h('a', { href: '#/tokens', title: 'Your tokens for scripts' }, who.name.replace(/^oidc /, ''))
      : h('span', { class: 'soft small' }, who.name),
    h('button', { class: 'quiet small', onclick: signOut }, 'Sign out'),
  );
}

const root = document.documentElement;
root.dataset.theme = localStorage.getItem('theme') || '';
if (!root.dataset.theme) delete root.dataset.theme;
document.getElementById('theme').addEventListener('click', () => {
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem('theme', root.dataset.theme);
  dispatchEvent(new Event('themechange'));
});

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => dispatchEvent(new Event('themechange')));
// Paper is light, and what is folded in opens on it.
const opened = [];
let themeBefore = null;
addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('main details:not([open])')) {
    details.open = true;
    opened.push(details);
  }
  themeBefore = root.dataset.theme ?? '';
  root.dataset.theme = 'light';
  dispatchEvent(new Event('themechange'));
});
addEventListener('afterprint', () => {
  for (const details of opened.splice(0)) details.open = false;
  if (themeBefore) root.dataset.theme = themeBefore;
  else delete root.dataset.theme;
  dispatchEvent(new Event('themechange'));
});
addEventListener('hashchange', show);
addEventListener('keydown', (e) => {
  if (e.key === '/' && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) {
    const search = document.querySelector('input[type="search"]');
    if (search) {
      e.preventDefault();
      search.focus();
    }
  }
});
show();
