// Grids of samples from the same noise, one of each subject, and the way from noise to image.
import { h, SUBJECTS } from '../dom.js';
import { trajectories } from './trajectories.js';

const ORDER = ['dataset', 'teacher', 'one-to-one', 'o2mkd', 'merged'];

/** The panel of samples; `models` gives the models as they are now, `failed` is told of a problem. */
export function samplesPanel(id, models, failed) {
  const element = h('div', { class: 'panel', hidden: true });
  let shown = '';
  return {
    element,
    show({ artifacts }) {
      const grids = bySubject(artifacts, /^samples-.*\.png$/);
      const paths = bySubject(artifacts, /^trajectory-.*\.png$/);
      const found = [...grids, ...paths].map(([, a]) => a.sha256).join();
      if (found === shown) return; // and keep the slider where it is
      shown = found;
      element.hidden = !grids.length;
      const ways = h('div', {});
      element.replaceChildren(h('h2', {}, 'Samples from the same noise'), h('div', { class: 'grids' }, grids.map(grid)), ways);
      if (paths.length) trajectories(id, paths, models).then((way) => ways.replaceChildren(way), failed);
    },
  };
}

/** Pairs of a subject and its picture, in the order of the subjects. */
function bySubject(artifacts, pattern) {
  return artifacts
    .filter((a) => pattern.test(a.name))
    .map((a) => [a.name.replace(/^(samples|trajectory)-|\.\w+$/g, ''), a])
    .sort((a, b) => ORDER.indexOf(a[0]) - ORDER.indexOf(b[0]));
}

function grid([name, a]) {
  const isReal = name === 'dataset';
  return h(
    'figure',
    {},
    h('figcaption', {}, isReal ? 'real images' : SUBJECTS[name] || name),
    h('a', { href: a.href }, h('img', { src: a.href, alt: `Grid of ${isReal ? 'real images' : `samples of ${name}`}` })),
  );
}
