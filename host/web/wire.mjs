// The wire, made visible: raw frames newest first, and the newest message of every channel.
//
// Frames may come by the thousand in a second. They are counted and kept as short labels; what is drawn, is drawn once
// in an animation frame, and no list grows past its bound.

import { label } from './frame.mjs';
import { element, setText, clip } from './element.mjs';

const FRAMES_MAX = 200;
const LABEL_MAX = 200;
const CHANNELS_MAX = 32;
const MISSING_SHOWN = 12;
const MESSAGE_SHOWN = 240;

export class FramesView {
  #list = document.getElementById('frames');
  #count = document.getElementById('count');
  #waiting = [];
  #total = 0;
  #isPaused = false;

  constructor() {
    const pause = document.getElementById('pause');
    pause.addEventListener('click', () => {
      this.#isPaused = !this.#isPaused;
      pause.setAttribute('aria-pressed', String(this.#isPaused));
      setText(pause, this.#isPaused ? 'Go on' : 'Pause');
    });
  }

  take(frame) {
    this.#total += 1;
    this.#waiting.push({ channel: frame.channel, text: clip(label({ ...frame, data: clip(frame.data, LABEL_MAX) }), LABEL_MAX) });
    // Twice the bound before cutting, so that the cut is rare and cheap on average.
    if (this.#waiting.length > 2 * FRAMES_MAX) this.#waiting = this.#waiting.slice(-FRAMES_MAX);
  }

  render() {
    const count = `${this.#total.toLocaleString('en')} ${this.#total === 1 ? 'frame' : 'frames'}`;
    setText(this.#count, this.#total > FRAMES_MAX ? `${count}, the newest ${FRAMES_MAX} shown` : count);
    if (this.#isPaused || this.#waiting.length === 0) return;
    this.#list.querySelector('.empty')?.remove();
    const newest = this.#waiting.slice(-FRAMES_MAX).reverse();
    this.#waiting = [];
    const items = newest.map(({ channel, text }) => element('li', { data: { channel: clip(channel, 40) } }, text));
    this.#list.prepend(...items);
    while (this.#list.childElementCount > FRAMES_MAX) this.#list.lastElementChild.remove();
  }
}

export class ChannelsView {
  #body = document.getElementById('channels');
  #rows = new Map();
  #changed = new Map();

  constructor() {
    for (const channel of ['chat', 'presence', 'file']) this.#row(channel);
  }

  /** The host's word on devices, transfers and files has panels of its own. */
  take(message) {
    if (['device', 'transfer', 'depot'].includes(message.channel)) return;
    this.#changed.set(message.channel, message);
    if (this.#changed.size > CHANNELS_MAX) this.#changed.delete(this.#changed.keys().next().value);
  }

  render() {
    for (const [channel, message] of this.#changed) this.#show(channel, message);
    this.#changed.clear();
  }

  #show(channel, message) {
    const cells = this.#row(channel);
    if (!cells) return;
    setText(cells.from, message.from ? clip(message.from, 40) : '');
    setText(cells.progress, `${message.received}/${message.total ?? '?'}`);
    setText(cells.missing, missingText(message));
    setText(cells.message, messageText(message));
  }

  #row(channel) {
    const known = this.#rows.get(channel);
    if (known || this.#rows.size >= CHANNELS_MAX) return known;
    const cells = {
      from: element('span', { class: 'from' }),
      progress: element('td', { role: 'cell' }, '0/0'),
      missing: element('td', { role: 'cell' }, '—'),
      message: element('td', { role: 'cell' }),
    };
    const chip = element('span', { class: 'chip', data: { channel: clip(channel, 40) } }, clip(channel, 40));
    const row = element('tr', { role: 'row', data: { row: clip(channel, 40) } }, element('td', { role: 'cell' }, chip, cells.from));
    row.append(cells.progress, cells.missing, cells.message);
    this.#rows.set(channel, cells);
    this.#body.append(row);
    return cells;
  }
}

function missingText(message) {
  const shown = message.missing(MISSING_SHOWN).join(', ');
  const rest = message.missingCount - MISSING_SHOWN;
  return shown === '' ? '—' : rest > 0 ? `${shown} and ${rest.toLocaleString('en')} more` : shown;
}

function messageText(message) {
  if (!message.isBytes) return clip(message.preview(MESSAGE_SHOWN + 1), MESSAGE_SHOWN);
  const name = typeof message.meta?.name === 'string' ? `${clip(message.meta.name, 60)}, ` : '';
  return `${name}${message.complete ? 'bytes, whole' : 'bytes'}`;
}
