// One file on its way to the host, by the protocol tus 1.0: in pieces, each with its SHA-256 where the browser can compute it.
//
// What breaks is tried again for as long as it may succeed: a lost connection, a host that was killed, a piece that arrived
// damaged. Where an upload is, its host knows; which upload a file had, the browser remembers, so that after the tab was closed
// the same file goes on when it is chosen again. The same is one of that name, size and date for that device: its content is not
// compared with what the host already has.
//
// States: queued, sending, waiting (it is tried again), paused, failed (may be started again), whole, cancelled.

import { Refused, Unreachable, send } from './request.mjs';
import { toBase64 } from './base64.mjs';

const VERSION = { 'tus-resumable': '1.0.0' };
const PIECE = 1024 * 1024;
const RETRY_MS = [250, 500, 1000, 2000, 4000, 8000];
/** Answers in a row that may pass, with nothing taken; a host that is away is waited for without end. */
const REFUSALS_MAX = 12;
const KEY = 'pocketmux-upload:';
const REMEMBERED_MAX = 100;

export class Upload {
  #options;
  #running = null;
  #rested = Promise.resolve();
  #wake = () => {};
  #pace = { at: 0, since: 0 };

  /** `onChange` is called at every change; `fetch`, `storage`, `digest` and `retryMs` are for tests. */
  constructor(file, options = {}) {
    const usual = { endpoint: '/files/', storage: browserStorage(), digest: browserDigest(), retryMs: RETRY_MS, piece: PIECE, onChange() {} };
    this.#options = { ...usual, ...options };
    this.file = file;
    this.device = options.device ?? null;
    Object.assign(this, { state: 'queued', detail: '', at: 0, rate: 0, url: null, transfer: null });
    this.key = `${KEY}${JSON.stringify([file.name, file.size, file.lastModified, this.device])}`;
  }

  /** The host's id of the file, once there is one. */
  get id() {
    return this.url?.split('/').pop() ?? null;
  }

  get isOver() {
    return this.state === 'whole' || this.state === 'cancelled';
  }

  /** Begins, or goes on; resolves when it has come to a rest. */
  start() {
    if (this.#running || this.isOver) return this.#rested;
    const running = new AbortController();
    this.#running = running;
    this.#rested = this.#run(running, this.#rested);
    return this.#rested;
  }

  /** One run at a time: the last may still wait for an answer that it does not want any more. */
  async #run(running, last) {
    this.#enter('sending');
    await last;
    try {
      running.signal.throwIfAborted();
      await this.#try(running.signal);
      this.#forget();
      this.#enter('whole');
    } catch (error) {
      if (!running.signal.aborted) this.#enter('failed', error.message);
    } finally {
      if (this.#running === running) this.#running = null;
    }
  }

  pause() {
    if (this.isOver) return;
    this.#stop();
    this.#enter('paused');
  }

  /** Back to where it waits for its turn. */
  queue() {
    if (!this.#running && !this.isOver) this.#enter('queued');
  }

  /** Tries again at once what waits for that. */
  nudge() {
    this.#wake();
  }

  /** Ends it, and removes what the host has of it. */
  async cancel() {
    if (this.isOver) return;
    this.#stop();
    this.#enter('cancelled');
    await this.#rested;
    this.url ??= this.#remembered();
    this.#forget();
    if (this.url) await this.#ask('DELETE', this.url).catch((error) => error.status === 404 || Promise.reject(error));
  }

  #stop() {
    this.#running?.abort();
    this.#running = null;
  }

  /** Goes on until the host has it all; throws what cannot be mended. */
  async #try(signal) {
    for (let [tries, refusals] = [0, 0]; ; tries += 1) {
      const before = this.at;
      try {
        await this.#find(signal);
        while (this.at < this.file.size) await this.#sendPiece(signal);
        return;
      } catch (error) {
        if (signal.aborted || !mayPass(error)) throw error;
        if (this.at > before) [tries, refusals] = [0, 0];
        refusals += error instanceof Refused ? 1 : 0;
        if (refusals > REFUSALS_MAX) throw error;
        this.#enter('waiting', error.message);
        await this.#rest(tries, signal);
        this.#enter('sending');
      }
    }
  }

  /** Finds where the upload is, or begins one. */
  async #find(signal) {
    this.url ??= this.#remembered();
    const isKnown = this.url !== null && (await this.#locate(signal));
    if (!isKnown) await this.#create(signal);
    this.#pace = { at: this.at, since: performance.now() };
  }

  /** False when the host has it no more and nothing was lost by that. */
  async #locate(signal) {
    try {
      const { headers } = await this.#ask('HEAD', this.url, { signal });
      this.#reached(headers);
      return Number(headers.get('upload-length')) === this.file.size;
    } catch (error) {
      if (error.status !== 404) throw error;
      // What was under way here has been removed by somebody; what was remembered may be long gone.
      if (this.at > 0) throw new Refused(410, 'The upload was removed from the host.');
      return false;
    }
  }

  async #create(signal) {
    const { endpoint } = this.#options;
    const metadata = { filename: this.file.name, filetype: this.file.type, device: this.device };
    const pairs = Object.entries(metadata).filter(([, value]) => value);
    const headers = {
      'upload-length': String(this.file.size),
      'upload-metadata': pairs.map(([key, value]) => `${key} ${toBase64(new TextEncoder().encode(value))}`).join(','),
    };
    // Not to be aborted: an upload that nobody knows of would stay on the host.
    const response = await this.#ask('POST', endpoint, { headers });
    this.url = response.headers.get('location');
    this.at = 0;
    this.#remember();
    signal.throwIfAborted();
    this.#reached(response.headers);
  }

  async #sendPiece(signal) {
    const begin = this.at;
    const bytes = await this.#read(begin, Math.min(begin + this.#options.piece, this.file.size));
    const headers = { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(begin) };
    const digest = await this.#options.digest?.(bytes);
    if (digest) headers['upload-checksum'] = `sha256 ${toBase64(digest)}`;
    const response = await this.#ask('PATCH', this.url, { headers, body: bytes, signal });
    this.#reached(response.headers);
    if (this.at <= begin) throw new Refused(500, 'The host took a piece and has no more than before.');
    this.#measure();
    this.#enter('sending');
  }

  async #read(begin, end) {
    try {
      return new Uint8Array(await this.file.slice(begin, end).arrayBuffer());
    } catch {
      throw new Error('The file cannot be read any more: it was changed or removed, or it is a folder.');
    }
  }

  /** Takes what the host says of how far it is, and of the transfer that has begun with the last byte. */
  #reached(headers) {
    const at = Number(headers.get('upload-offset'));
    if (Number.isSafeInteger(at) && at <= this.file.size) this.at = at;
    this.transfer = headers.get('pocketmux-transfer') ?? this.transfer;
  }

  #measure() {
    const now = performance.now();
    const lately = (1000 * (this.at - this.#pace.at)) / Math.max(1, now - this.#pace.since);
    this.rate = this.rate === 0 ? lately : this.rate + (lately - this.rate) * 0.3;
    this.#pace = { at: this.at, since: now };
  }

  async #ask(method, url, { headers = {}, ...options } = {}) {
    const response = await send(url, { method, headers: { ...VERSION, ...headers }, fetch: this.#options.fetch ?? globalThis.fetch, ...options });
    // It may have come just before it was not wanted any more.
    options.signal?.throwIfAborted();
    return response;
  }

  async #rest(tries, signal) {
    const { retryMs } = this.#options;
    const stop = () => this.#wake();
    signal.addEventListener('abort', stop);
    await new Promise((wake) => {
      const timer = setTimeout(wake, retryMs[Math.min(tries, retryMs.length - 1)]);
      this.#wake = () => (clearTimeout(timer), wake());
    });
    signal.removeEventListener('abort', stop);
    signal.throwIfAborted();
  }

  #enter(state, detail = '') {
    if (state !== 'sending') this.rate = 0;
    Object.assign(this, { state, detail });
    this.#options.onChange(this);
  }

  // A browser may forbid storage, or have none left: then an upload lasts as long as the page.
  #remembered() {
    try {
      return JSON.parse(this.#options.storage.getItem(this.key))?.url ?? null;
    } catch {
      return null;
    }
  }

  #remember() {
    try {
      const { storage } = this.#options;
      prune(storage);
      storage.setItem(this.key, JSON.stringify({ url: this.url, since: Date.now() }));
    } catch {
      // See above.
    }
  }

  #forget() {
    try {
      this.#options.storage.removeItem(this.key);
    } catch {
      // See above.
    }
  }
}

/** Whether the same may succeed a moment later. */
function mayPass(error) {
  if (error instanceof Unreachable) return true;
  const isOfNow = [409, 423, 429, 460].includes(error.status) || (error.status >= 500 && error.status !== 507);
  return error instanceof Refused && isOfNow;
}

/** Makes room for one more: the oldest are those that nobody went on with. */
function prune(storage) {
  const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at)).filter((key) => key.startsWith(KEY));
  const since = (key) => Number(storage.getItem(key).match(/"since":(\d+)/)?.[1] ?? 0);
  const surplus = keys.length - REMEMBERED_MAX + 1;
  if (surplus > 0) keys.sort((a, b) => since(a) - since(b)).slice(0, surplus).forEach((key) => storage.removeItem(key));
}

function browserStorage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/** Pages that came over plain HTTP from another machine have no `subtle`; there TCP's own sum has to do. */
function browserDigest() {
  const subtle = globalThis.crypto?.subtle;
  return subtle ? async (bytes) => new Uint8Array(await subtle.digest('SHA-256', bytes)) : null;
}
