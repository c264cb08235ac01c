// Small helpers that make elements; all text goes in as text nodes, so that nothing is taken for HTML.

import { ago, moment } from './notation.js';
import { carryToken } from './token.js';

/** An element with properties (on… are listeners, class is the class) and children. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same in SVG. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style')
      element.style.cssText = value; // the page's policy allows no attribute
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return carryToken(element);
}

/** Text beside the pointer, or beside the element that has the focus, while it is there. */
export function tip(element, text) {
  const box = document.getElementById('tip');
  const show = (x, y) => {
    box.textContent = typeof text === 'function' ? text() : text;
    box.hidden = false;
    const size = box.getBoundingClientRect();
    box.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - size.width - 8))}px`;
    box.style.top = `${y + 16 + size.height > innerHeight ? y - size.height - 8 : y + 16}px`;
  };
  element.addEventListener('pointermove', (e) => show(e.clientX, e.clientY));
  element.addEventListener('focus', () => {
    const at = element.getBoundingClientRect();
    show(at.left, at.bottom - 12);
  });
  for (const end of ['pointerleave', 'blur'])
    element.addEventListener(end, () => {
      box.hidden = true;
    });
  return element;
}

/** A time that says exactly when under the pointer. */
export function when(time) {
  return h('time', { datetime: time, title: moment(time), 'data-ago': true }, agoOf(time));
}

const agoOf = (time) => ago((Date.now() - new Date(time)) / 1000);

setInterval(() => {
  for (const element of document.querySelectorAll('time[data-ago]')) element.textContent = agoOf(element.dateTime);
}, 20_000);

/** Draws again what may have the focus: whatever has the same key in place of it gets it back. */
export function keepingFocus(box, draw) {
  const key = box.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  draw();
  if (key !== undefined) box.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** A spot of colour beside a name, which tells the same. */
export const swatch = (colour) => h('span', { class: 'swatch', 'aria-hidden': 'true', style: `background: ${colour}` });

/** What only those hear who do not see the page. */
export const heard = (text) => h('span', { class: 'heard' }, text);

export function pill(state, text = state.toLowerCase().replaceAll('_', ' ')) {
  const kind = /^(TRAINING|PREPARING|IMPORTING|MEASURING|EVALUATING|MERGING|SEARCHING|PUBLISHING)/.test(state) ? 'RUNNING' : state;
  return h('span', { class: `pill s-${kind}` }, text);
}

const COLOURS = [
  '#5a4fcf',
  '#1f9d6b',
  '#c7622c',
  '#2488b8',
  '#c23f6b',
  '#8a8d1d',
  '#7d5bb5',
  '#008f86',
  '#b8860b',
  '#5577dd',
  '#a64ca6',
  '#4f8f2f',
  '#d0555f',
  '#3f6f8f',
  '#97652f',
  '#6b6fd0',
];

const DASHES = [[], [8, 4], [2, 3], [9, 3, 2, 3], [14, 4], [4, 2]];

/** Dashes for the i-th curve, so that its colour is not all that tells it from the others. */
export const dashes = (i) => DASHES[i % DASHES.length];

/** A colour for the i-th curve. */
export function colour(i) {
  return COLOURS[i % COLOURS.length];
}

/** The dashes of a model, the same wherever it is drawn. */
export const modelDashes = (key) => (/^student-/.test(key) ? dashes(Number(key.slice(8)) - 1) : dashes(key === 'teacher' ? 4 : 5));

const KINDS = [/^teacher/, /^one-to-one/, /^student-/, /^merged-/];

/** Models in the order in which they are shown: as the subjects, then by number. */
export const inModelOrder = (models) =>
  [...models].sort((a, b) => {
    const [one, other] = [a, b].map((m) => KINDS.findIndex((kind) => kind.test(m.key)));
    return one - other || a.key.localeCompare(b.key, 'en', { numeric: true });
  });

/** The colour of a model, the same wherever it is drawn. */
export function modelColour(key) {
  if (key === 'teacher') return '#8a8fa3';
  if (key === 'one-to-one') return '#d08a1d';
  return colour(Number(key.replace(/^\D+/, '')) - 1);
}
