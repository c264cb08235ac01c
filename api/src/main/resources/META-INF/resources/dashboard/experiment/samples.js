// Grids of samples from the same noise, one of each subject, and the way from noise to image.
import { get } from '../api.js';
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
      const prompts = new Map(artifacts.filter((a) => a.kind === ArtifactKind.GRID_PROMPTS).map((a) => [a.name, a]));
      const found = [...grids, ...paths, ...prompts].map(([, a]) => a.sha256).join();
      if (found === shown) return; // and keep the slider where it is
      shown = found;
      element.hidden = !grids.length;
      const ways = h('div', {});
      const figures = grids.map((one) => grid(id, one, prompts, failed));
      element.replaceChildren(h('h2', {}, 'Samples from the same noise'), h('div', { class: 'grids' }, figures), ways);
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

function grid(id, [name, a], prompts, failed) {
  const isReal = name === REAL;
  const asked = prompts.get(`prompts-${name}.json`);
  return h(
    'figure',
    {},
    h('figcaption', {}, isReal ? 'real images' : titleOf(Subject, name)),
    h('a', { href: a.href }, h('img', { src: a.href, alt: `Grid of ${isReal ? 'real images' : `samples of ${name}`}` })),
    asked && promptsOf(id, asked, failed),
  );
}

/** What each image of a grid was to show, row by row; fetched when somebody wants to read it. */
function promptsOf(id, { name }, failed) {
  const list = h('ol', { class: 'small' });
  return h(
    'details',
    {
      ontoggle: () => {
        if (list.children.length) return;
        const told = ({ prompts }) => list.replaceChildren(...prompts.map((prompt) => h('li', { dir: 'auto' }, prompt)));
        get(`/experiments/${id}/artifacts/${name}`).then(told, failed);
      },
    },
    h('summary', {}, 'Prompts, row by row'),
    list,
  );
}
