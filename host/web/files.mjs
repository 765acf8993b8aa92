// The file panel: every message on the channel file with its progress, and a link to save it once it is whole.
//
// A file is offered as plain bytes under a name without folders, never opened in the page.

import { element, setText, clip, inBytes } from './element.mjs';

const FILES_MAX = 20;
const STALLED_MS = 4000;

export class FilesView {
  #list = document.getElementById('files');
  #rows = new Map();
  #changed = new Set();

  take(message) {
    if (message.channel !== 'file') return false;
    if (!this.#rows.has(message)) {
      this.#rows.set(message, null);
      if (this.#rows.size > FILES_MAX) this.#drop(this.#rows.keys().next().value);
    }
    this.#changed.add(message);
    return true;
  }

  render() {
    const now = Date.now();
    for (const [message, row] of this.#rows) {
      if (row && !message.complete && now - message.touchedAt > STALLED_MS) this.#changed.add(message);
    }
    if (this.#changed.size > 0) this.#list.querySelector('.empty')?.remove();
    for (const message of this.#changed) this.#show(message, now);
    this.#changed.clear();
  }

  #show(message, now) {
    const row = this.#rows.get(message) ?? this.#add(message);
    const { title, state, bar, detail } = row.parts;
    const name = fileName(message);
    setText(title, clip(name, 60));
    setText(detail, `${message.from ? `from ${clip(message.from, 40)} · ` : ''}${message.received}/${message.total ?? '?'} frames`);
    if (message.complete) {
      if (!row.url) this.#offer(message, row, name);
      return;
    }
    bar.max = message.total ?? 1;
    bar.value = message.total === null ? 0 : message.received;
    const isStalled = now - message.touchedAt > STALLED_MS;
    state.dataset.state = isStalled ? 'offline' : 'opening';
    const percent = message.total === null ? '' : ` ${Math.floor((100 * message.received) / message.total)} %`;
    setText(state, message.isTruncated ? 'Too large' : `${isStalled ? 'Stopped at' : 'Arriving'}${percent}`);
  }

  #offer(message, row, name) {
    const { state, bar } = row.parts;
    bar.remove();
    const bytes = message.bytes;
    if (bytes === null) {
      state.dataset.state = 'offline';
      setText(state, 'Unreadable');
      return;
    }
    row.url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
    state.dataset.state = 'online';
    setText(state, inBytes(bytes.length));
    row.item.append(element('a', { href: row.url, download: name }, 'Save file'));
  }

  #add(message) {
    const parts = {
      title: element('span', { class: 'title' }),
      state: element('span', { class: 'indicator' }),
      bar: element('progress', { ariaLabel: 'Received' }),
      detail: element('span', { class: 'detail' }),
    };
    const item = element('li', { class: 'card', data: { messageId: clip(message.messageId, 80) } });
    item.append(parts.title, parts.state, parts.bar, parts.detail);
    const row = { item, parts, url: '' };
    this.#rows.set(message, row);
    this.#list.prepend(item);
    return row;
  }

  #drop(message) {
    const row = this.#rows.get(message);
    if (row?.url) URL.revokeObjectURL(row.url);
    row?.item.remove();
    this.#rows.delete(message);
    this.#changed.delete(message);
  }
}

function fileName(message) {
  const given = typeof message.meta?.name === 'string' ? message.meta.name : '';
  const last = given.split(/[\\/]/).pop().replace(/[\u0000-\u001f\u007f]/g, '').trim();
  return last && last !== '.' && last !== '..' ? last.slice(0, 120) : message.isBytes ? 'file.bin' : 'file.txt';
}
