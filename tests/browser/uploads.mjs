// Uploads, with the published client of tus and with requests of our own.

import { createHash } from 'node:crypto';
import * as tus from 'tus-js-client';

export const version = { 'tus-resumable': '1.0.0' };
export const digestOf = (content) => createHash('sha256').update(content).digest('hex');

export async function download(url, headers = {}) {
  const response = await fetch(url, { headers });
  return { response, content: Buffer.from(await response.arrayBuffer()) };
}

export const remove = (url) => fetch(url, { method: 'DELETE', headers: version });
export const offsetOf = async (url) => Number((await fetch(url, { method: 'HEAD', headers: version })).headers.get('upload-offset'));

/** Begins an upload without a client, and gives the answer. */
export const begin = (endpoint, length, headers = {}) =>
  fetch(endpoint, { method: 'POST', headers: { ...version, 'upload-length': String(length), ...headers } });

export const patch = (url, offset, body, headers = {}) =>
  fetch(url, { method: 'PATCH', headers: { ...version, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset), ...headers }, body });

/**
 * Uploads with the client; `ended` gives the client once the upload is whole, or throws what it says. `until` pauses it when so many
 * bytes were taken.
 */
export function uploadTo(endpoint, content, { name = 'a.bin', until = Infinity, ...options } = {}) {
  let settle, fail;
  const ended = new Promise((resolve, reject) => ([settle, fail] = [resolve, reject]));
  const client = new tus.Upload(content, {
    endpoint,
    metadata: { filename: name, filetype: 'application/x-noise' },
    retryDelays: null,
    onSuccess: () => settle(client),
    onError: fail,
    onChunkComplete: (_, accepted) => accepted >= until && client.abort().then(() => settle(client), fail),
    ...options,
  });
  return { client, ended, start: () => (client.start(), ended) };
}
