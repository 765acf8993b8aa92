// What is on its way: the uploads of this page and the transfers of the host, one job a file.
//
// A file for a device is first uploaded and then sent on by the host; the transfer takes the upload's place in its job. The host
// is asked for its list whenever the connection is new, so that what others have removed meanwhile goes here, too.

import { Upload } from './upload.mjs';
import { request, send } from './request.mjs';

const UPLOADS_AT_ONCE = 3;
/** More than the host keeps, and than one person drops. */
const JOBS_MAX = 2048;
const STATES = ['waiting', 'running', 'paused', 'done', 'failed', 'cancelled'];

/** One file on its way, in one or both of its halves. */
export class Job {
  /** Why the host would not send on what it has. */
  refusal = '';

  constructor({ upload = null, transfer = null }) {
    Object.assign(this, { upload, transfer });
  }

  get name() {
    return this.transfer?.name ?? this.upload.file.name;
  }

  get device() {
    return this.transfer ? this.transfer.device : this.upload.device;
  }

  /** Whether a device sends it. */
  get isFrom() {
    return this.transfer?.direction === 'from';
  }

  get size() {
    return this.transfer?.size ?? this.upload?.file.size ?? null;
  }

  /** The host's id of the file. */
  get file() {
    return this.transfer ? this.transfer.file : this.upload.id;
  }

  get isUploading() {
    return this.transfer === null && this.upload.state !== 'whole';
  }

  /** One of the states of a transfer, whichever half it is in. */
  get state() {
    if (this.transfer) return this.transfer.state;
    if (this.upload.state === 'whole') return this.refusal ? 'failed' : this.device ? 'waiting' : 'done';
    return { queued: 'waiting', sending: 'running' }[this.upload.state] ?? this.upload.state;
  }

  get isOpen() {
    return ['waiting', 'running', 'paused'].includes(this.state);
  }

  get detail() {
    return this.transfer?.detail ?? (this.refusal || this.upload.detail);
  }
}

/** All of them, the oldest first. Says `change` with a job, `gone` with one that is in no list any more, and `notice` with a sentence. */
export class Jobs extends EventTarget {
  #all = new Set();
  #byTransfer = new Map();

  [Symbol.iterator]() {
    return this.#all.values();
  }

  get count() {
    return this.#all.size;
  }

  /** Uploads a file, for a device or for the host alone; false when it is on its way already. */
  add(file, device) {
    let job = null;
    const upload = new Upload(file, { device, onChange: () => job && this.#moved(job) });
    for (const other of this.#all) if (other.upload?.key === upload.key && other.isUploading && other.isOpen) return false;
    job = new Job({ upload });
    this.#put(job);
    this.#moved(job);
    return true;
  }

  /** Takes the host's word on a transfer. */
  take(said) {
    const known = this.#byTransfer.get(said.id);
    if (said.state === 'forgotten') return known && this.#remove(known);
    const transfer = cleaned(said);
    if (!transfer) return;
    // What was asked may be answered after what was told.
    if (transfer.revision < known?.transfer.revision) return;
    const job = known ?? this.#uploadOf(transfer) ?? this.#put(new Job({ transfer }));
    job.transfer = transfer;
    this.#byTransfer.set(transfer.id, job);
    this.#say('change', job);
  }

  /** There is a new connection to the host. */
  async connected() {
    for (const { upload, transfer } of this.#all) {
      upload?.nudge();
      // A host that was started anew counts anew.
      if (transfer) transfer.revision = 0;
    }
    const before = [...this.#byTransfer];
    const listed = new Map((await request('GET', '/api/transfers')).map((transfer) => [transfer.id, transfer]));
    for (const [id, job] of before) if (!listed.has(id)) this.#remove(job);
    for (const [id, transfer] of listed) if (!this.#byTransfer.has(id)) this.take(transfer);
  }

  async pause(job) {
    if (job.isUploading) job.upload.pause();
    else await this.#wish(job, 'paused');
  }

  /** Goes on with what is paused, and tries again what has failed. */
  async resume(job) {
    if (job.isUploading) job.upload.queue();
    else if (job.transfer) await this.#wish(job, 'running');
    else await this.#sendOn(job);
  }

  async cancel(job) {
    if (job.transfer) return this.#wish(job, 'cancelled');
    if (job.isUploading) return job.upload.cancel();
    // Whole and not sent on: it stays on the host.
    this.#remove(job);
  }

  /** Takes what is over off the list, of all pages if it is a transfer. */
  async remove(job) {
    if (job.transfer) await request('DELETE', `/api/transfers/${job.transfer.id}`).catch((error) => error.status === 404 || Promise.reject(error));
    // What could not be sent as a whole and is not wanted any more.
    else if (job.isUploading) await job.upload.cancel();
    this.#remove(job);
  }

  async #wish(job, state) {
    this.take(await request('PATCH', `/api/transfers/${job.transfer.id}`, { state }));
  }

  #put(job) {
    this.#all.add(job);
    if (this.#all.size > JOBS_MAX) for (const old of this.#all) if (!old.isOpen) return this.#remove(old), job;
    return job;
  }

  #remove(job) {
    if (!this.#all.delete(job)) return;
    if (job.transfer) this.#byTransfer.delete(job.transfer.id);
    this.#say('gone', job);
  }

  #uploadOf({ file, device, direction }) {
    if (direction !== 'to' || file === null) return undefined;
    for (const job of this.#all) if (!job.transfer && job.upload.id === file && job.device === device) return job;
    return undefined;
  }

  /** An upload has come further. */
  #moved(job) {
    const { upload } = job;
    this.#say('change', job);
    if (upload.state === 'whole' && job.device && !job.transfer && !upload.transfer) this.#sendOn(job);
    if (upload.state !== 'sending') this.#startNext();
  }

  #startNext() {
    let busy = 0;
    for (const { upload } of this.#all) if (upload?.state === 'sending' || upload?.state === 'waiting') busy += 1;
    for (const { upload } of this.#all) {
      if (busy >= UPLOADS_AT_ONCE) return;
      if (upload?.state !== 'queued') continue;
      busy += 1;
      upload.start();
    }
  }

  /** The host has it all and has not said that it sends it on: it may have before the answer was lost, or does not want to. */
  async #sendOn(job) {
    job.refusal = '';
    try {
      const { id } = job.upload;
      const listed = await request('GET', '/api/transfers');
      const known = listed.find((transfer) => transfer.file === id && transfer.device === job.device);
      this.take(known ?? (await request('POST', '/api/transfers', { device: job.device, direction: 'to', file: id })));
    } catch (error) {
      job.refusal = error.message;
      this.#say('change', job);
      this.#say('notice', error.message);
    }
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Removes a file or an upload from the host. */
export function removeFile(id) {
  return send(`/files/${id}`, { method: 'DELETE', headers: { 'tus-resumable': '1.0.0' } });
}

/** The host's word with every field of its type; null where it is none. */
function cleaned({ id, device, direction, name, file, size, at, state, detail, digest, rate, revision, drops }) {
  const isText = (value) => typeof value === 'string';
  if (![id, device, name].every(isText) || !STATES.includes(state) || !/^[0-9a-f]{32}$/.test(id)) return null;
  const count = (value) => (Number.isFinite(value) && value >= 0 ? value : 0);
  return {
    id,
    device,
    name,
    state,
    direction: direction === 'from' ? 'from' : 'to',
    file: isText(file) && /^[0-9a-f]{32}$/.test(file) ? file : null,
    size: Number.isFinite(size) ? count(size) : null,
    at: count(at),
    rate: count(rate),
    revision: count(revision),
    drops: drops === true,
    detail: isText(detail) ? detail : '',
    digest: isText(digest) ? digest : null,
  };
}
