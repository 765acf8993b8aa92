// The device list: what the host says about each board, what both ends of its wire have counted, and a button that asks for its file.

import { element, setText, clip } from './element.mjs';

const DEVICES_MAX = 64;
const ABOUT_MAX = 16;
const WORDS = { online: 'Online', opening: 'Opening', silent: 'Silent', offline: 'Offline' };
// What the ends of a link count, by the names that the core gives it.
const COUNTERS = {
  sent: 'Packets sent',
  received: 'Packets received',
  repaired: 'Frames repaired',
  duplicate: 'Duplicate frames',
  badCrc: 'Bad CRC',
  dropped: 'Messages dropped',
  refused: 'Frames refused',
  timeouts: 'Timeouts',
  roundTripUs: 'Round trip (µs)',
  inFlight: 'In flight',
  chunk: 'Chunk (bytes)',
};

/** Which channels dropped how many messages, as words behind their sum. */
function byChannel(dropped) {
  const channels = Object.entries(Object(dropped)).filter(([, count]) => Number.isFinite(count));
  return channels.length === 0 ? '' : ` (${channels.map(([name, count]) => `${clip(name, 32)} ${count}`).join(', ')})`;
}

/** What a device says of its channels, a line for each of which it says anything. */
function aboutChannels(about) {
  const lines = [];
  for (const [name, said] of Object.entries(Object(about))) {
    const words = [said?.content, said?.meta].filter((text) => typeof text === 'string' && text !== '');
    if (words.length === 0) continue;
    const text = words.map((text) => clip(text, 60)).join(' · ');
    lines.push(element('span', { class: 'detail', data: { about: name } }, element('code', {}, clip(name, 60)), ` ${text}`));
  }
  return lines.slice(0, ABOUT_MAX);
}

export class DevicesView {
  #list = document.getElementById('devices');
  #news = document.getElementById('device-news');
  #devices = new Map();
  /** What boards have counted, by their names. */
  #counted = new Map();
  /** The boards whose counters are unfolded. */
  #unfolded = new Set();
  #isDirty = false;

  constructor({ requestFile }) {
    this.requestFile = requestFile;
    this.isConnected = false;
  }

  take(device) {
    const known = this.#devices.get(device.name);
    if (known && known.state !== device.state) setText(this.#news, `${device.name} is ${device.state}.`);
    // A board that has said who it is takes the place of the nameless one on the same port.
    for (const [name, other] of this.#devices) {
      if (name !== device.name && other.port === device.port && device.state === 'online') this.#devices.delete(name);
    }
    if (!known && this.#devices.size >= DEVICES_MAX) return;
    this.#devices.set(device.name, device);
    this.#isDirty = true;
  }

  /** Takes what a board has counted; false for any other message. */
  count({ channel, from, text, complete }) {
    if (channel !== 'stats' || !this.#devices.has(from)) return false;
    try {
      if (complete) this.#counted.set(from, JSON.parse(text));
    } catch {
      this.#counted.delete(from);
    }
    this.#isDirty = true;
    return true;
  }

  clear() {
    this.#devices.clear();
    this.#counted.clear();
    this.#isDirty = true;
  }

  /** A new connection hears about every device afresh; without one, what we knew is no longer known. */
  connected(isConnected) {
    this.isConnected = isConnected;
    this.clear();
  }

  render() {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const focused = document.activeElement?.closest?.('[data-device]')?.dataset.device;
    const cards = [...this.#devices.values()].map((device) => this.#card(device));
    if (cards.length === 0) cards.push(element('li', { class: 'empty' }, this.isConnected ? 'No device yet.' : 'Not connected to the host.'));
    this.#list.replaceChildren(...cards);
    if (focused) cards.find((card) => card.dataset.device === focused)?.querySelector('button')?.focus();
  }

  #card(device) {
    const { name, state, port, serial, firmware, detail, channels, about } = device;
    const state_ = Object.hasOwn(WORDS, state) ? state : 'offline';
    const card = element('li', { class: 'card', data: { device: name, state: state_ } });
    card.append(
      element('span', { class: 'title' }, clip(name, 60)),
      element('span', { class: 'indicator', data: { state: state_ } }, WORDS[state_]),
    );
    const facts = element('span', { class: 'detail' }, element('code', {}, clip(String(port ?? ''), 120)));
    if (firmware) facts.append(` · ${clip(String(firmware), 60)}`);
    if (serial) facts.append(` · ${clip(String(serial), 40)}`);
    card.append(facts);
    if (detail) card.append(element('span', { class: 'detail' }, clip(String(detail), 300)));
    card.append(...aboutChannels(about));
    if (device.link) card.append(this.#counters(name, device.link, this.#counted.get(name)));
    if (Array.isArray(channels) && channels.includes('file')) {
      const button = element('button', { type: 'button', disabled: state_ !== 'online' || !this.isConnected }, 'Request file');
      button.setAttribute('aria-label', `Request file from ${clip(name, 60)}`);
      button.addEventListener('click', () => this.requestFile(device));
      card.append(button);
    }
    return card;
  }

  #counters(name, host, board) {
    const details = element('details', { class: 'counters' }, element('summary', {}, 'Counters'));
    details.open = this.#unfolded.has(name);
    details.addEventListener('toggle', () => this.#unfolded[details.open ? 'add' : 'delete'](name));
    const row = (cell, ...texts) => {
      const line = element('tr');
      texts.forEach((text, column) => line.append(element(column === 0 ? 'th' : cell, {}, text)));
      return line;
    };
    const value = (counted, key) =>
      Number.isFinite(counted?.[key]) ? String(counted[key]) + (key === 'dropped' ? byChannel(counted.droppedBy) : '') : '–';
    const table = element('table', {}, row('th', '', 'Host', 'Board'));
    for (const [key, words] of Object.entries(COUNTERS)) table.append(row('td', words, value(host, key), value(board, key)));
    details.append(table);
    return details;
  }
}
