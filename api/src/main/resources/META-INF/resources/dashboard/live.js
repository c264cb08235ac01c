// What is shown live says since when it is not: polls that fail or wait, streams that break off, tabs that slept.
import { h } from './dom.js';
import { moment } from './notation.js';

const LOOK_MS = 1000;

/**
 * Its element is a note that is shown while no answer has come for `bound` ms, or the last question failed; `again` asks at once
 * when a tab that slept is looked at.
 */
export function freshness(bound, again) {
  const element = h('div', { class: 'note stale', role: 'status', hidden: true });
  let last = Date.now();
  let failing = false;
  let ended = false;

  function say() {
    const stale = !ended && (failing || Date.now() - last > bound);
    if (stale !== element.hidden) return;
    element.hidden = !stale;
    element.textContent = stale ? `Not updated since ${moment(last)}. This page tries again by itself.` : '';
  }

  function woken() {
    if (document.hidden || ended) return;
    say();
    if (Date.now() - last > bound / 2) again();
  }

  const timer = setInterval(say, LOOK_MS);
  document.addEventListener('visibilitychange', woken);
  document.addEventListener('resume', woken);
  return {
    element,
    updated() {
      last = Date.now();
      failing = false;
      say();
    },
    failed() {
      failing = true;
      say();
    },
    /** Nothing new is to come. */
    end() {
      ended = true;
      say();
    },
    close() {
      ended = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', woken);
      document.removeEventListener('resume', woken);
    },
  };
}

/** Calls `look` every so many ms while the tab is seen, and says when that fails; the answer has the note, and how to end it. */
export function poll(look, every) {
  let asking = 0; // questions without an answer
  async function ask() {
    asking++;
    try {
      await look();
      fresh.updated();
    } catch {
      fresh.failed();
    } finally {
      asking--;
    }
  }
  const fresh = freshness(2 * every + LOOK_MS, ask);
  const timer = setInterval(() => {
    if (!document.hidden && asking < 2) ask();
  }, every);
  return {
    element: fresh.element,
    end() {
      clearInterval(timer);
      fresh.end();
    },
    close() {
      clearInterval(timer);
      fresh.close();
    },
  };
}

/** When a page was read that does not look again. */
export const asOf = () => h('p', { class: 'soft small flush' }, `As of ${moment(Date.now())}.`);
