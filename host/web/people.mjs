// Who is here, and who is typing: what was last heard on the channels presence and typing, and how long ago.
//
// Nobody says goodbye on these channels, so time does it: silence for a minute takes a person off the list.

import { element, setText, clip } from './element.mjs';

const PEOPLE_MAX = 50;
const GONE_MS = 60_000;
const RECENT_MS = 3500;
const TYPING_MS = 6000;

export class PeopleView {
  #list = document.getElementById('people');
  #typing = document.getElementById('typing');
  #people = new Map();
  #rows = new Map();

  constructor({ ownName }) {
    this.ownName = ownName;
  }

  /** Takes a complete message of any channel: whoever speaks is here. True if nothing else wants it. */
  take(message) {
    if (message.channel === 'device' || message.channel === 'error') return false;
    const isPresence = message.channel === 'presence';
    const isTyping = message.channel === 'typing';
    if (!message.from && !isPresence && !isTyping) return false;
    const person = this.#person(message.from || 'someone');
    person.seenAt = Date.now();
    if (isPresence) person.word = clip(message.preview(40), 40);
    if (isTyping) person.typingAt = message.preview(10) === 'idle' ? 0 : Date.now();
    if (message.channel === 'chat') person.typingAt = 0;
    return isPresence || isTyping;
  }

  /** A device whose cable is pulled is gone at once. */
  leave(name) {
    this.#people.delete(name);
  }

  clear() {
    this.#people.clear();
  }

  render() {
    const now = Date.now();
    for (const [name, { seenAt }] of this.#people) if (now - seenAt > GONE_MS) this.#people.delete(name);
    for (const [name, row] of this.#rows) {
      if (this.#people.has(name)) continue;
      row.remove();
      this.#rows.delete(name);
    }
    for (const [name, person] of this.#people) this.#show(name, person, now);
    if (this.#people.size > 0) this.#list.querySelector('.empty')?.remove();
    else if (!this.#list.firstChild) this.#list.append(element('li', { class: 'empty' }, 'Nobody has shown up yet.'));
    setText(this.#typing, this.#whoTypes(now));
  }

  #show(name, { seenAt, word }, now) {
    let row = this.#rows.get(name);
    if (!row) {
      row = element('li', { data: { person: name } }, element('span', { class: 'indicator' }), element('span', { class: 'when' }));
      this.#rows.set(name, row);
      this.#list.append(row);
    }
    const age = now - seenAt;
    row.firstChild.dataset.state = age < RECENT_MS ? 'online' : 'quiet';
    setText(row.firstChild, clip(name, 40));
    setText(row.lastChild, age < RECENT_MS ? word : `${word} ${Math.round(age / 1000)} s ago`);
  }

  #whoTypes(now) {
    const names = [...this.#people].filter(([name, p]) => now - p.typingAt < TYPING_MS && name !== this.ownName());
    const shown = names.slice(0, 3).map(([name]) => clip(name, 40));
    if (shown.length === 0) return '';
    return `${shown.join(', ')}${names.length > 3 ? ' and others' : ''} ${names.length === 1 ? 'is' : 'are'} typing…`;
  }

  #person(name) {
    let person = this.#people.get(name);
    if (!person) {
      if (this.#people.size >= PEOPLE_MAX) this.#people.delete(this.#people.keys().next().value);
      person = { seenAt: 0, typingAt: 0, word: '' };
      this.#people.set(name, person);
    }
    return person;
  }
}
