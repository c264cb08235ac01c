// Small helpers that make elements; all text goes in as text nodes, so that nothing is taken for HTML.

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

/** A mean with its standard deviation, both with the deviation's first two digits. */
export function spread(mean, deviation) {
  const decimals = Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(deviation))));
  return deviation > 0 ? `${mean.toFixed(decimals)} ± ${deviation.toFixed(decimals)}` : figure(mean);
}

/** Three or four significant digits; nothing for no number. */
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e5)) return size >= 1e5 ? count(value) : value.toExponential(2);
  if (Number.isInteger(value)) return value.toString();
  return size >= 100 ? value.toFixed(1) : Number(value.toPrecision(4)).toString();
}

/** A count with a unit: 64.4 M. */
export function count(value) {
  if (value === null || value === undefined) return '–';
  const units = ['', ' k', ' M', ' G', ' T', ' P'];
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit ? Number(value.toPrecision(3)) : Number(value.toPrecision(4))}${units[unit]}`;
}

export function bytes(value) {
  if (value === null || value === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} d`;
}

export function ago(time) {
  const seconds = (Date.now() - new Date(time)) / 1000;
  return seconds < 5 ? 'now' : `${duration(seconds)} ago`;
}

/** A time that says exactly when under the pointer. */
export function when(time) {
  return h('time', { datetime: time, title: new Date(time).toLocaleString() }, ago(time));
}

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

/** A colour for the i-th curve. */
export function colour(i) {
  return COLOURS[i % COLOURS.length];
}

/** The colour of a model, the same wherever it is drawn. */
export function modelColour(key) {
  if (key === 'teacher') return '#8a8fa3';
  if (key === 'one-to-one') return '#d08a1d';
  return colour(Number(key.replace(/^\D+/, '')) - 1);
}
