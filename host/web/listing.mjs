// A list of files, some at first and more when wanted: a row has a name, facts, and what can be done with it.

import { element, setText, named } from './element.mjs';

const ROWS = 20;

export class Listing {
  #list;
  #more = element('button', { type: 'button', class: 'more', hidden: true });
  #items = [];
  #limit = ROWS;

  /** `describe` gives {key, name, facts, part, acts} of an item; `part` is how far it is, from 0 to 1, where that is not whole. */
  constructor({ list, empty, describe }) {
    Object.assign(this, { empty, describe });
    this.#list = list;
    list.after(this.#more);
    this.#more.addEventListener('click', () => {
      this.#limit += ROWS;
      this.show(this.#items);
    });
  }

  show(items, empty = this.empty) {
    this.#items = items;
    const focused = document.activeElement?.closest('li[data-key]');
    const isOurs = focused && this.#list.contains(focused);
    const place = isOurs ? [...focused.querySelectorAll('button, a')].indexOf(document.activeElement) : -1;
    const rows = items.slice(0, this.#limit).map((item) => row(this.describe(item)));
    this.#list.replaceChildren(...(rows.length > 0 ? rows : [element('li', { class: 'empty' }, empty)]));
    const hidden = items.length - rows.length;
    this.#more.hidden = hidden === 0;
    setText(this.#more, `Show ${Math.min(hidden, ROWS)} of ${hidden} more`);
    if (!isOurs) return;
    const same = rows.find((made) => made.dataset.key === focused.dataset.key) ?? rows[0];
    same?.querySelectorAll('button, a')[Math.max(0, place)]?.focus({ preventScroll: true });
  }

  clear(words) {
    this.#limit = ROWS;
    this.show([], words);
  }
}

/** An act on a file, named after it for those who do not see where it stands. */
export function act(word, name, doIt, className = '') {
  const button = element('button', { type: 'button', class: className, ariaLabel: `${word} ${name}` }, word);
  button.addEventListener('click', doIt);
  return button;
}

function row({ key, name, facts, part, acts }) {
  const title = named(name, 80, { class: 'title', title: name });
  const item = element('li', { data: { key } }, title, element('div', { class: 'facts' }, ...facts));
  if (part !== undefined) item.append(element('progress', { max: 1, value: part, ariaLabel: 'There so far' }));
  item.append(element('div', { class: 'acts' }, ...acts));
  return item;
}
