// The words that answers use for subjects, series, events, files, verdicts and metrics: the server knows them, and this page asks it once.
import { get } from './api.js';

/** Words by their constant: Subject.ONE_TO_ONE is the word of that subject. Filled before a page is shown. */
export const Subject = {};
export const Series = {};
export const EventKind = {};
export const ArtifactKind = {};
export const Verdict = {};
export const Metric = {};

const SUBJECT_COLOURS = ['#8a8fa3', '#d08a1d', '#5a4fcf', '#8a8fa3', '#1f9d6b']; // in their order
const meanings = new Map(); // of words, by the object that has them
let loading = null;

export function loadVocabulary() {
  loading ??= get('/vocabulary').then(fill);
  loading.catch(() => {
    loading = null; // the next page asks again
  });
  return loading;
}

function fill({ subjects, series, eventKinds, artifactKinds, verdicts, metrics }) {
  take(Subject, subjects);
  take(Series, series);
  take(EventKind, eventKinds);
  take(ArtifactKind, artifactKinds);
  take(Verdict, verdicts);
  take(Metric, metrics);
}

function take(constants, words) {
  meanings.set(constants, new Map(words.map((w) => [w.word, w])));
  for (const { word } of words) constants[constantOf(word)] = word;
}

/** ONE_TO_ONE of one-to-one, CLIP_SCORE of clipScore. */
function constantOf(word) {
  return word
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toUpperCase();
}

/** What people read for a word; one that a later version has added is itself. */
export const titleOf = (constants, word) => meanings.get(constants).get(word)?.title ?? word;

/** What a word means, if the server says it. */
export const meaningOf = (constants, word) => meanings.get(constants).get(word)?.description;

/** Where a word stands among its like; those of a later version come last. */
export function rankOf(constants, word) {
  const at = [...meanings.get(constants).keys()].indexOf(word);
  return at < 0 ? Infinity : at;
}

/** Words as they are shown: in their order, then by name. */
export const inOrder = (constants, words) =>
  [...words].sort((a, b) => {
    const [one, other] = [rankOf(constants, a), rankOf(constants, b)];
    return one === other ? a.localeCompare(b) : one - other;
  });

export const subjectColour = (word) => SUBJECT_COLOURS[rankOf(Subject, word)] || SUBJECT_COLOURS[0];
