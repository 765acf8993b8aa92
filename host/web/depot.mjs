// The files of the host, for everyone to download, and uploads that are not whole.

import { element, clip, inBytes, printable } from './element.mjs';
import { digestButton } from './digest.mjs';
import { Listing, act } from './listing.mjs';
import { request } from './request.mjs';
import { removeFile } from './jobs.mjs';
import { ask } from './question.mjs';

export class DepotView {
  #listing;
  #files = [];
  /** Ids of what is whole; null until the host has said it. */
  #ids = null;
  #isAsking = false;
  #isAskedAgain = false;

  /** `device` gives where files may be sent to, or null; `sendFile` does that; `changed` hears of every new list. */
  constructor({ device, sendFile, changed, notify }) {
    Object.assign(this, { device, sendFile, changed, notify });
    const list = document.getElementById('depot-files');
    this.#listing = new Listing({ list, empty: 'No file yet.', describe: (file) => this.#describe(file) });
    document.getElementById('depot-again').addEventListener('click', () => this.refresh());
  }

  /** Whether a file can be downloaded, as far as is known. */
  has(id) {
    return this.#ids === null || this.#ids.has(id);
  }

  /** The device to send to is another. */
  redraw() {
    if (this.#ids !== null) this.#listing.show(this.#files);
  }

  async refresh() {
    if (this.#isAsking) return void (this.#isAskedAgain = true);
    this.#isAsking = true;
    try {
      const listed = await request('GET', '/files/');
      this.#files = listed.toReversed();
      this.#ids = new Set(listed.filter(({ sha256 }) => sha256 !== null).map(({ id }) => id));
      this.#listing.show(this.#files);
      this.changed();
    } catch (error) {
      if (this.#ids === null) this.#listing.clear(error.message);
    }
    this.#isAsking = false;
    if (!this.#isAskedAgain) return;
    this.#isAskedAgain = false;
    this.refresh();
  }

  #describe({ id, name, size, offset, sha256, from }) {
    const isWhole = sha256 !== null;
    const shown = clip(printable(name), 60);
    const remove = act('Delete', shown, () => this.#remove(id, shown));
    if (!isWhole) {
      const words = from ? `coming from ${clip(printable(from), 40)}` : 'choose the file again to go on';
      const facts = [element('span', {}, `${inBytes(offset)} of ${inBytes(size)}, ${words}`)];
      return { key: id, name, facts, part: size > 0 ? offset / size : 0, acts: [remove] };
    }
    const { button, show } = digestButton();
    show(`sha-256:${sha256}`);
    const facts = [element('span', {}, from ? `${inBytes(size)} from ${clip(printable(from), 40)}` : inBytes(size)), button];
    const acts = [element('a', { href: `/files/${id}`, download: name, ariaLabel: `Download ${shown}` }, 'Download'), remove];
    const device = this.device();
    if (device !== null) {
      const word = `Send to ${clip(printable(device), 20)}`;
      acts.splice(1, 0, act(word, shown, () => this.#try(() => this.sendFile(device, id))));
    }
    return { key: id, name, facts, acts };
  }

  async #remove(id, shown) {
    const words = 'It is removed from this host for everyone. What devices have of it stays there.';
    if ((await ask({ about: `Delete ${shown}?`, words, action: 'Delete' })) === null) return;
    await this.#try(() => removeFile(id));
    this.refresh();
  }

  async #try(doIt) {
    try {
      await doIt();
    } catch (error) {
      this.notify(error.message);
    }
  }
}
