// What can be done with an experiment or one of its models; each says what it will do before it does it.

import { post, remove } from './api.js';
import { h } from './dom.js';

const ENDED = ['DONE', 'FAILED', 'CANCELED', 'PARTIAL'];

/** Buttons for what makes sense now; `done` is told when one was carried out, or of its problem. */
export function actionsOf(view, model, done) {
  const path = `/experiments/${view.id}`;
  const ended = ENDED.includes(view.stage);
  if (model) {
    const at = `${path}/models/${model.key}`;
    return [
      ['FAILED', 'CANCELED'].includes(model.state) &&
        !ended &&
        button(
          'Retry…',
          '',
          `Trains ${model.key} again from its last good checkpoint (step ${model.step}). The other models are not touched.`,
          [
            ['learningRate', 'Learning rate', 'number'],
            ['batchSize', 'Batch size', 'number'],
            ['gradientClip', 'Gradient clip', 'number'],
            ['steps', 'Total steps', 'number'],
          ],
          (values) => post(`${at}/retry`, values),
          done,
        ),
      ['DONE', 'FAILED', 'RUNNING'].includes(model.state) &&
        !ended &&
        model.totalSteps > 0 &&
        button(
          'Extend…',
          'quiet',
          `Trains ${model.key} on to more steps than its ${model.totalSteps}, from its last checkpoint.`,
          [['steps', 'Total steps', 'number', model.totalSteps * 2]],
          (values) => post(`${at}/extend`, values),
          done,
        ),
      ['PENDING', 'RUNNING', 'FAILED'].includes(model.state) &&
        model.key !== 'teacher' &&
        !ended &&
        button(
          'Go on without it',
          'danger',
          `Cancels ${model.key} alone: the experiment goes on without it and ends PARTIAL. Its checkpoints are kept, and it can be retried until then.`,
          [],
          () => post(`${at}/cancel`),
          done,
        ),
    ].filter(Boolean);
  }
  const failed = view.models.filter((m) => m.state === 'FAILED');
  return [
    !ended &&
      failed.length > 0 &&
      button(
        `Retry ${failed.length === 1 ? failed[0].key : `${failed.length} failed models`}…`,
        '',
        `Trains ${failed.map((m) => m.key).join(', ')} again, ${failed.length > 1 ? 'each ' : ''}from its last good checkpoint.`,
        [
          ['learningRate', 'Learning rate', 'number'],
          ['batchSize', 'Batch size', 'number'],
        ],
        (values) => Promise.all(failed.map((m) => post(`${path}/models/${m.key}/retry`, values))),
        done,
      ),
    !ended &&
      view.evaluations.length > 0 &&
      button(
        'Evaluate again',
        'quiet',
        'Samples and measures every subject again, merging and search included.',
        [],
        () => post(`${path}/evaluation/rerun`),
        done,
      ),
    !ended &&
      !view.paused &&
      button(
        'Pause',
        'quiet',
        'Each running training saves a checkpoint and hands its device back. Nothing is lost; resume goes on from there.',
        [],
        () => post(`${path}/pause`),
        done,
      ),
    !ended && view.paused && button('Resume', '', 'Goes on from the last checkpoints.', [], () => post(`${path}/resume`), done),
    !ended &&
      button('Cancel', 'danger', 'Stops the experiment for good. Checkpoints and curves are kept.', [], () => post(`${path}/cancel`), done),
    ended &&
      button(
        'Delete',
        'danger',
        'Removes the experiment with its curves, checkpoints and files. This cannot be undone.',
        [],
        async () => {
          await remove(path);
          location.hash = '#/experiments';
        },
        () => {},
      ),
  ].filter(Boolean);
}

function button(text, kind, what, fields, act, done) {
  return h('button', { class: kind, onclick: () => ask(text.replace('…', ''), what, fields, act, done) }, text);
}

function ask(title, what, fields, act, done) {
  const inputs = fields.map(([name, label, type, value]) => [
    name,
    h('input', { type, name, id: `ask-${name}`, step: 'any', value: value ?? '', placeholder: 'as it is' }),
    label,
  ]);
  const fault = h('div', { class: 'fault', role: 'alert', style: 'color: var(--failed)' });
  const go = h('button', { type: 'submit' }, title);
  const dialog = h(
    'dialog',
    { 'aria-label': title },
    h(
      'form',
      {
        method: 'dialog',
        onsubmit: async (e) => {
          e.preventDefault();
          go.disabled = true;
          const values = Object.fromEntries(inputs.filter(([, i]) => i.value !== '').map(([name, i]) => [name, Number(i.value)]));
          try {
            await act(values);
            dialog.close();
            done();
          } catch (problem) {
            fault.textContent = problem.message;
            go.disabled = false;
          }
        },
      },
      h('h2', {}, title),
      h('p', { class: 'soft', style: 'margin: 0' }, what),
      inputs.map(([name, input, label]) => h('div', { class: 'field' }, h('label', { for: `ask-${name}` }, label), input)),
      fault,
      h('div', { class: 'row' }, go, h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, 'Leave it')),
    ),
  );
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
}
