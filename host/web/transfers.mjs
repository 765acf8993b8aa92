// The list of what is on its way: a row a file, both halves of its way, and what can be done about it.
//
// Rows are made once and changed in place, and only those that have changed; there are no more of them than the person wants to see.

import { element, setText, clip, inBytes, inRate, timeLeft, named } from './element.mjs';
import { digestButton } from './digest.mjs';

const ROWS = 20;
const WORDS = { waiting: 'Waiting', running: 'Running', paused: 'Paused', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' };

export class TransfersView {
  #list = document.getElementById('transfers');
  #more = document.getElementById('more-transfers');
  #clear = document.getElementById('clear-transfers');
  #news = document.getElementById('transfer-news');
  #rows = new Map();
  #changed = new Set();
  #limit = ROWS;
  #isListDirty = true;

  /** `jobs` are shown; `isOnline` tells of a device, `isThere` of a file of the host; `act` does things to jobs. */
  constructor({ jobs, isOnline, isThere, act }) {
    Object.assign(this, { jobs, isOnline, isThere, act });
    jobs.addEventListener('change', ({ detail: job }) => this.#take(job));
    jobs.addEventListener('gone', () => (this.#isListDirty = true));
    this.#more.addEventListener('click', () => {
      this.#limit += ROWS;
      this.#isListDirty = true;
      this.render();
    });
    this.#clear.addEventListener('click', () => act('clear'));
  }

  /** What is known of devices or of the host's files has changed, and some rows say it. */
  refresh() {
    for (const job of this.#rows.keys()) this.#changed.add(job);
  }

  render() {
    if (this.#isListDirty) this.#arrange();
    for (const job of this.#changed) if (this.#rows.has(job)) this.#show(job, this.#rows.get(job));
    this.#changed.clear();
  }

  #take(job) {
    this.#changed.add(job);
    const { state } = job;
    if (!this.#rows.has(job) || this.#rows.get(job).state !== state) this.#isListDirty = true;
    const row = this.#rows.get(job);
    if (row && row.state !== state && ['done', 'failed'].includes(state)) setText(this.#news, `${clip(job.name, 60)}: ${WORDS[state]}. ${job.detail}`);
  }

  /** Puts the rows in order, the newest first; of many, those that are not over. */
  #arrange() {
    this.#isListDirty = false;
    const all = [...this.jobs].reverse();
    const shown = all.length <= this.#limit ? all : first(all, this.#limit);
    const wanted = new Set(shown);
    for (const [job, { item }] of this.#rows) {
      if (wanted.has(job)) continue;
      item.remove();
      this.#rows.delete(job);
    }
    let place = this.#list.firstElementChild;
    for (const job of shown) {
      const { item } = this.#rows.get(job) ?? this.#add(job);
      if (item === place) place = place.nextElementSibling;
      else this.#list.insertBefore(item, place);
    }
    this.#list.hidden = shown.length === 0;
    const hidden = all.length - shown.length;
    this.#more.hidden = hidden === 0;
    setText(this.#more, `Show ${Math.min(hidden, ROWS)} of ${hidden} more`);
    this.#clear.hidden = all.every((job) => job.isOpen);
  }

  #show(job, row) {
    const { parts } = row;
    const { state } = job;
    row.state = state;
    row.item.dataset.state = state;
    if (job.transfer) row.item.dataset.transfer = job.transfer.id;
    parts.state.dataset.state = state;
    setText(parts.state, WORDS[state]);
    setText(parts.size, job.size === null ? '' : inBytes(job.size));
    setText(parts.detail, clip(job.detail, 300));
    parts.detail.hidden = job.detail === '';
    parts.digest.show(job.transfer?.digest ?? null);
    this.#showHost(job, parts.host);
    this.#showDevice(job, parts.device);
    this.#showActs(job, parts);
  }

  /** The way to the host, which is not that of what comes from a device, and forgotten once all of it is done. */
  #showHost({ isFrom, isUploading, upload, state, size, device }, half) {
    half.box.hidden = isFrom || (state === 'done' && device !== null);
    if (half.box.hidden) return;
    const words = isUploading ? ['To the host', ...progress(upload.at, size, upload.rate, state)] : ['On the host'];
    half.show(words, isUploading ? upload.at : 1, isUploading ? size : 1, isUploading ? state : 'done');
  }

  /** The way between the host and a device. */
  #showDevice(job, half) {
    const { device, isFrom, transfer, size, state } = job;
    half.box.hidden = device === null;
    if (device === null) return;
    const name = clip(device, 40);
    if (!transfer) return half.show([`Then to ${name}`], 0, 1, 'waiting');
    const { at, rate } = transfer;
    if (state === 'done') return half.show([isFrom ? `From ${name}, verified` : `On ${name}, verified`], 1, 1, state);
    const words = [`${isFrom ? 'From' : 'To'} ${name}`, ...progress(at, size, rate, state)];
    if (state === 'waiting') words.push(this.isOnline(device) ? 'in its turn' : 'as soon as it is back');
    half.show(words, at, size ?? 1, state);
  }

  #showActs(job, { hold, end, save }) {
    const { state, isOpen, name } = job;
    const mayHold = ['waiting', 'running'].includes(state);
    const isHandingOver = !job.transfer && !job.isUploading && state === 'waiting';
    hold.hidden = isHandingOver || !(mayHold || state === 'paused' || state === 'failed');
    label(hold, mayHold ? 'Pause' : state === 'paused' ? 'Resume' : 'Try again', name);
    label(end, isOpen ? 'Cancel' : 'Remove', name);
    const isWhole = job.file !== null && (job.isFrom ? state === 'done' : !job.isUploading) && this.isThere(job.file);
    save.hidden = !isWhole;
    if (!isWhole) return;
    save.href = `/files/${job.file}`;
    save.download = name;
    save.ariaLabel = `Download ${clip(name, 60)}`;
  }

  #add(job) {
    const parts = {
      state: element('span', { class: 'indicator' }),
      size: element('span'),
      digest: digestButton(),
      host: half('To the host'),
      device: half('Between host and device'),
      detail: element('p', { class: 'reason' }),
      hold: element('button', { type: 'button' }),
      end: element('button', { type: 'button' }),
      save: element('a', {}, 'Download'),
    };
    const facts = element('div', { class: 'facts' }, parts.size, parts.digest.button);
    const halves = element('div', { class: 'halves' }, parts.host.box, parts.device.box);
    const acts = element('div', { class: 'acts' }, parts.save, parts.hold, parts.end);
    const head = element('div', { class: 'job-head' }, named(job.name, 80, { class: 'title', title: clip(job.name, 300) }), parts.state);
    const item = element('li', { class: 'job' }, head, halves, parts.detail, element('div', { class: 'job-foot' }, facts, acts));
    parts.hold.addEventListener('click', () => this.act(['paused', 'failed'].includes(job.state) ? 'resume' : 'pause', job));
    parts.end.addEventListener('click', () => this.act(job.isOpen ? 'cancel' : 'remove', job));
    const row = { item, parts, state: null };
    this.#rows.set(job, row);
    this.#changed.add(job);
    return row;
  }
}

/** So many of them: those that are not over before those that are. */
function first(all, limit) {
  const chosen = new Set(all.filter((job) => job.isOpen).slice(0, limit));
  for (const job of all) if (chosen.size < limit) chosen.add(job);
  return all.filter((job) => chosen.has(job));
}

/** How far it is, how fast, and how long still, as words. */
function progress(at, size, rate, state) {
  if (size === null) return [];
  const words = [`${size === 0 ? 0 : Math.floor((100 * Math.min(at, size)) / size)} %`];
  if (state === 'running' && rate > 0) words.push(inRate(rate), timeLeft(size - at, rate));
  return words;
}

/** A bar with its words. */
function half(ariaLabel) {
  const bar = element('progress', { ariaLabel });
  const text = element('span');
  const box = element('div', { class: 'half' }, text, bar);
  const show = ([where, ...words], value, max, state) => {
    // "To the host 40 %, 11 kB/s, 8 s left": what follows the place is a list.
    setText(text, words.length === 0 ? where : `${where} ${words.join(', ')}`);
    bar.max = Math.max(1, max);
    bar.value = max === 0 ? 1 : value;
    box.dataset.state = state;
  };
  return { box, show };
}

function label(button, word, name) {
  setText(button, word);
  const whole = `${word} ${clip(name, 60)}`;
  if (button.ariaLabel !== whole) button.ariaLabel = whole;
}
