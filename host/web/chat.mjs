// The chat panel: every chat message in order of its first frame, growing as its frames come.
//
// The history is text on the page and keeps no message alive, so entries and their length bound its size.

import { element, setText, clip } from './element.mjs';

const ENTRIES_MAX = 300;
const TEXT_MAX = 4000;

export class ChatView {
  #list = document.getElementById('chat');
  #items = new WeakMap();
  #changed = new Set();

  constructor({ isMine }) {
    this.isMine = isMine;
  }

  take(message) {
    if (message.channel !== 'chat') return false;
    this.#changed.add(message);
    // Nothing is drawn in a hidden tab; what would scroll out of the history unseen need not wait.
    if (this.#changed.size > ENTRIES_MAX) this.#changed.delete(this.#changed.values().next().value);
    return true;
  }

  render() {
    if (this.#changed.size === 0) return;
    const list = this.#list;
    const wasAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.querySelector('.empty')?.remove();
    for (const message of this.#changed) this.#show(message);
    this.#changed.clear();
    while (list.childElementCount > ENTRIES_MAX) list.firstElementChild.remove();
    if (wasAtEnd) list.scrollTop = list.scrollHeight;
  }

  #show(message) {
    let item = this.#items.get(message);
    if (!item) {
      const time = new Date(message.startedAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
      const who = element('span', { class: 'who' }, element('b', {}, clip(message.from || 'someone', 40)), ` ${time}`);
      item = element('li', { data: { messageId: clip(message.messageId, 80) } }, who, element('span', { class: 'text' }));
      if (this.isMine(message)) item.classList.add('mine');
      this.#items.set(message, item);
      this.#list.append(item);
    }
    item.classList.toggle('partial', !message.complete);
    setText(item.lastChild, clip(message.preview(TEXT_MAX), TEXT_MAX));
  }
}
