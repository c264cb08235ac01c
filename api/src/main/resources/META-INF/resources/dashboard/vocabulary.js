// The words that answers use for subjects, series, events and files: the server knows them, and this page asks it once.
import { get } from './api.js';

/** Words by their constant: Subject.ONE_TO_ONE is the word of that subject. Filled before a page is shown. */
export const Subject = {};
export const Series = {};
export const EventKind = {};
export const ArtifactKind = {};

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

function fill({ subjects, series, eventKinds, artifactKinds }) {
  take(Subject, subjects);
  take(Series, series);
  take(EventKind, eventKinds);
  take(ArtifactKind, artifactKinds);
}

function take(constants, words) {
  meanings.set(constants, new Map(words.map((w) => [w.word, w])));
  for (const { word } of words) constants[word.toUpperCase().replaceAll('-', '_')] = word;
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
