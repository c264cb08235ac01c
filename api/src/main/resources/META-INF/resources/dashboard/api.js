// The REST API. An error is a Problem with its title, sentence and faults.

import { askForToken, authorization, eventStream, token } from './token.js';

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.title = body.title || 'The request failed';
    this.faults = body.faults || [];
    this.traceId = body.traceId;
  }
}

const PATIENCE_MS = 30_000; // with what is only read: a connection may have died while the computer slept

async function request(method, path, body, headers = {}) {
  let answer;
  try {
    const signal = method === 'GET' ? AbortSignal.timeout(PATIENCE_MS) : undefined;
    answer = await fetch(path, {
      method,
      body,
      signal,
      headers: { Accept: 'application/json, */*;q=0.1', ...authorization(), ...headers },
    });
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Problem(0, {
      title: 'The server does not answer',
      detail: 'Is it running? Start it with ./atelier up; this page tries again by itself.',
    });
  }
  const text = await answer.text();
  if (answer.status === 401) {
    let why = '';
    try {
      why = JSON.parse(text).detail;
    } catch {
      /* the question stands without it */
    }
    if (await askForToken(why)) return request(method, path, body, headers);
  }
  let content = {};
  try {
    content = text ? JSON.parse(text) : {};
  } catch {
    content = { detail: text.slice(0, 300) };
  }
  if (!answer.ok) throw new Problem(answer.status, content);
  return content;
}

const base = 'api/v1';
export const get = (path, parameters = {}) => {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, v]) => v !== undefined && v !== null && v !== ''));
  return request('GET', `${base}${path}${query.size ? `?${query}` : ''}`);
};

/** One key for one wish of the user: pressed twice or sent again, it is done once. */
export const post = (path, body, type = 'application/json') =>
  request('POST', `${base}${path}`, body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body), {
    ...(body === undefined ? {} : { 'Content-Type': type }),
    'Idempotency-Key': crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`,
  });

export const remove = (path) => request('DELETE', `${base}${path}`);

/** Follows an experiment until it ends; the answer stops it. EventSource comes back by itself with its Last-Event-ID. */
export function follow(id, { event, progress, end }) {
  const address = `${base}/experiments/${id}/stream`;
  const listeners = {
    event: (e) => event(JSON.parse(e.data)),
    progress: (e) => progress(JSON.parse(e.data)),
    end: () => {
      source.close();
      end();
    },
  };
  // EventSource cannot send a token.
  const source = token() ? eventStream(address, listeners) : new EventSource(address);
  if (!token()) for (const [name, listener] of Object.entries(listeners)) source.addEventListener(name, listener);
  return () => source.close();
}
