// Requests to the host, whose refusals are sentences for people.

import { clip } from './element.mjs';

const SENTENCE_MAX = 300;

/** The host has answered that it does not do it; `status` is HTTP's. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.name = 'Refused';
    this.status = status;
  }
}

/** The host has not answered. */
export class Unreachable extends Error {
  constructor() {
    super('The host does not answer. Is it running?');
    this.name = 'Unreachable';
  }
}

/** Does what `fetch` does, or throws Refused or Unreachable; what was aborted by `signal` throws what `fetch` throws then. */
export async function send(url, { fetch = globalThis.fetch, ...options } = {}) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable();
  }
  if (response.ok) return response;
  throw new Refused(response.status, await sentence(response));
}

/** Asks in JSON and gives what is answered; null where that is nothing. */
export async function request(method, url, body) {
  const options = { method, headers: {} };
  if (body !== undefined) Object.assign(options, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  const response = await send(url, options);
  return response.status === 204 ? null : response.json();
}

/** Either door says it in its own way: as JSON or as plain text. */
async function sentence(response) {
  const text = (await response.text().catch(() => '')).trim();
  const standing = `The host refused with ${response.status}.`;
  if (!response.headers.get('content-type')?.includes('json')) return clip(text, SENTENCE_MAX) || standing;
  try {
    return clip(String(JSON.parse(text).error), SENTENCE_MAX);
  } catch {
    return standing;
  }
}
