// What workers are at for an experiment beside the trainings, which the axis shows.
import { h } from '../dom.js';
import { duration } from '../notation.js';

export function workPanel() {
  const element = h('div', { class: 'small', style: 'margin-top: 8px' });
  return {
    element,
    show(view) {
      const trained = new Set(view.models.filter((m) => m.state === 'RUNNING').map((m) => m.key));
      element.replaceChildren(...view.doing.filter((work) => !trained.has(work.model)).map(line));
    },
  };
}

function line(work) {
  const { done, total, what, remainingSeconds } = work.progress || {};
  return h(
    'div',
    { class: 'row' },
    h('span', {}, `${words(work.activity)}${work.model ? ` of ${work.model}` : ''}`),
    total ? h('progress', { max: total, value: done, 'aria-label': what }) : null,
    what ? h('span', {}, total ? `${what}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}` : what) : null,
    remainingSeconds === undefined ? null : h('span', { class: 'soft' }, `ETA ${duration(remainingSeconds)}`),
    h('span', { class: 'soft' }, `on ${work.worker}`),
  );
}

/** MeasureReference as "measure reference". */
function words(activity) {
  return activity.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}
