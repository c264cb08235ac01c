// The way from noise to image, step by step, and who paints next.
import { get } from '../api.js';
import { h, modelColour, swatch } from '../dom.js';
import { Subject, titleOf } from '../vocabulary.js';

const GAP = 2; // pixels between the rows of a picture

/** A picture has a row per frame and, beside it in JSON, the t of each row; -1 is the clean image. */
export async function trajectories(id, paths, models) {
  const frames = await Promise.all(paths.map(([name, a]) => frameOf(id, name, a)));
  const { timesteps } = frames.find((f) => f.name === Subject.O2MKD) || frames[0];
  const ownerOf = (t) => models().find((m) => /^student-/.test(m.key) && t >= m.range.low && t < m.range.high);
  const said = h('div', { class: 'small', 'aria-live': 'polite' });
  const last = timesteps.length - 1;
  const slider = h('input', {
    type: 'range',
    min: 0,
    max: last,
    value: last,
    'aria-label': 'Sampling step, from noise to image',
    oninput: () => draw(),
  });

  function draw() {
    const row = Number(slider.value);
    for (const frame of frames) paint(frame, row);
    said.replaceChildren(...words(timesteps[row], ownerOf(timesteps[row])));
  }

  for (const { picture } of frames) picture.addEventListener('load', draw);
  draw();
  const owners = timesteps.slice(0, -1).map(ownerOf);
  return h(
    'div',
    {},
    h('h3', {}, 'From noise to image'),
    h('div', { class: 'way' }, slider, band(owners), said),
    h(
      'div',
      { class: 'ways' },
      frames.map(({ name, canvas }) => h('figure', {}, h('figcaption', {}, titleOf(Subject, name)), canvas)),
    ),
  );
}

async function frameOf(id, name, artifact) {
  const picture = h('img', { src: artifact.href, alt: '' }); // loads beside its JSON
  const { timesteps } = await get(`/experiments/${id}/artifacts/trajectory-${name}.json`);
  return {
    name,
    timesteps,
    picture,
    canvas: h('canvas', { class: 'pixels', role: 'img', 'aria-label': `Images of ${titleOf(Subject, name)} at the chosen step` }),
  };
}

function paint({ picture, canvas, timesteps }, row) {
  if (!picture.naturalWidth) return; // not loaded yet
  const height = (picture.naturalHeight + GAP) / timesteps.length;
  canvas.width = picture.naturalWidth;
  canvas.height = height - GAP;
  canvas.getContext('2d').drawImage(picture, 0, -Math.min(row, timesteps.length - 1) * height);
}

function words(t, owner) {
  if (t < 0) return ['The clean image.'];
  if (!owner) return [`x at t = ${t}`, '.'];
  return [`x at t = ${t}`, '; ', swatch(modelColour(owner.key)), h('strong', {}, owner.key), ' paints next.'];
}

/** A band under the slider in the colours of those who paint. */
function band(owners) {
  const share = (i) => `${(100 * i) / owners.length}%`;
  const stops = owners.map((owner, i) => `${owner ? modelColour(owner.key) : 'transparent'} ${share(i)} ${share(i + 1)}`);
  return h('div', { class: 'band', 'aria-hidden': 'true', style: `background: linear-gradient(to right, ${stops.join(', ')})` });
}
