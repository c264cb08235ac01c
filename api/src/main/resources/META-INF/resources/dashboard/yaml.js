// Specs as people write them, ready to be copied and launched.
import { h } from './dom.js';

const WORD = /^[A-Za-z_/](?:[A-Za-z0-9_./ -]*[A-Za-z0-9_./-])?$/;
const OTHERWISE_READ = /^(true|false|yes|no|on|off|null|y|n)$/i; // a word that YAML takes for something else

/** YAML of maps, lists and scalars. */
export function toYaml(node, indent = '') {
  return Object.entries(node)
    .map(([k, v]) => {
      const key = `${indent}${scalar(k)}:`;
      if (v !== null && typeof v === 'object' && !Array.isArray(v))
        return Object.keys(v).length ? `${key}\n${toYaml(v, `${indent}  `)}` : `${key} {}\n`;
      return `${key} ${scalar(v)}\n`;
    })
    .join('');
}

function scalar(value) {
  return typeof value === 'string' && WORD.test(value) && !OTHERWISE_READ.test(value) ? value : JSON.stringify(value);
}

/** A text under its title, with a button that copies it. */
export function copyable(title, pre) {
  const button = h(
    'button',
    {
      class: 'quiet small',
      type: 'button',
      onclick: async () => {
        await navigator.clipboard.writeText(pre.textContent);
        button.textContent = 'Copied';
        setTimeout(() => {
          button.textContent = 'Copy';
        }, 1500);
      },
    },
    'Copy',
  );
  return h('div', {}, h('div', { class: 'row spread' }, h('h2', { style: 'margin: 0' }, title), button), pre);
}
