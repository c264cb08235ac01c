// Grids of samples from the same noise, one of each subject, and the way from noise to image.
import { h } from '../dom.js';
import { ArtifactKind, rankOf, Subject, titleOf } from '../vocabulary.js';
import { trajectories } from './trajectories.js';

const REAL = 'dataset'; // whose grid stands first

/** The panel of samples; `models` gives the models as they are now, `failed` is told of a problem. */
export function samplesPanel(id, models, failed) {
  const element = h('div', { class: 'panel', hidden: true });
  let shown = '';
  return {
    element,
    show({ artifacts }) {
      const grids = bySubject(artifacts, ArtifactKind.GRID);
      const paths = bySubject(artifacts, ArtifactKind.TRAJECTORY);
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
function bySubject(artifacts, kind) {
  const rank = (name) => (name === REAL ? -1 : rankOf(Subject, name));
  return artifacts
    .filter((a) => a.kind === kind && a.name.endsWith('.png'))
    .map((a) => [a.name.replace(/^(samples|trajectory)-|\.\w+$/g, ''), a])
    .sort((a, b) => rank(a[0]) - rank(b[0]));
}

function grid([name, a]) {
  const isReal = name === REAL;
  return h(
    'figure',
    {},
    h('figcaption', {}, isReal ? 'real images' : titleOf(Subject, name)),
    h('a', { href: a.href }, h('img', { src: a.href, alt: `Grid of ${isReal ? 'real images' : `samples of ${name}`}` })),
  );
}
