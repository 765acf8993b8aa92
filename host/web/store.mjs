// What is in the store of the chosen device: its files, also those that are not whole, and how much room there is.

import { element, setText, clip, inBytes, printable } from './element.mjs';
import { digestButton } from './digest.mjs';
import { Listing, act } from './listing.mjs';
import { request } from './request.mjs';
import { ask } from './question.mjs';

export class StoreView {
  #panel = document.getElementById('store');
  #title = document.getElementById('store-title');
  #room = document.getElementById('store-room');
  #again = document.getElementById('store-again');
  #listing;
  #device = null;
  #isOnline = false;
  #isAsking = false;
  #isAskedAgain = false;

  /** `fetchFile` brings a file of a device here; `notify` tells what went wrong. */
  constructor({ fetchFile, notify }) {
    Object.assign(this, { fetchFile, notify });
    const list = document.getElementById('store-files');
    this.#listing = new Listing({ list, empty: 'Nothing yet.', describe: (file) => this.#describe(file) });
    this.#again.addEventListener('click', () => this.refresh());
  }

  /** Shows the store of that device, which is asked while it is online; with null, of none. */
  choose(device, isOnline) {
    if (device === this.#device && isOnline === this.#isOnline) return;
    [this.#device, this.#isOnline] = [device, isOnline];
    this.#panel.hidden = device === null;
    setText(this.#title, `On ${clip(printable(device ?? ''), 40)}`);
    setText(this.#room, '');
    this.#listing.clear(isOnline ? 'Asking the device…' : 'The device is not online.');
    this.refresh();
  }

  /** Asks the device, once more after that if it was asked for meanwhile. A store that cannot be asked is said to be so. */
  async refresh() {
    if (this.#device === null || !this.#isOnline) return;
    if (this.#isAsking) return void (this.#isAskedAgain = true);
    const device = this.#device;
    this.#isAsking = true;
    this.#panel.ariaBusy = 'true';
    try {
      const store = await request('GET', pathOf(device));
      if (device === this.#device) this.#show(store);
    } catch (error) {
      if (device === this.#device) this.#listing.clear(error.message);
      setText(this.#room, '');
    }
    this.#isAsking = false;
    this.#panel.ariaBusy = 'false';
    if (this.#isAskedAgain || device !== this.#device) {
      this.#isAskedAgain = false;
      this.refresh();
    }
  }

  #show({ free, capacity, files }) {
    setText(this.#room, capacity > 0 ? `${inBytes(free)} of ${inBytes(capacity)} free` : '');
    const byName = (a, b) => a.name.localeCompare(b.name);
    this.#listing.show(files.toSorted(byName));
  }

  #describe({ name, size, stored, digest }) {
    const isWhole = stored >= size;
    const facts = [element('span', {}, isWhole ? inBytes(size) : `${inBytes(stored)} of ${inBytes(size)}, not whole`)];
    if (isWhole) {
      const { button, show } = digestButton();
      show(digest);
      facts.push(button);
    }
    const shown = clip(printable(name), 60);
    const acts = [act('Rename', shown, () => this.#rename(name)), act('Delete', shown, () => this.#remove(name))];
    if (isWhole) acts.unshift(act('Get', shown, () => this.#try(() => this.fetchFile(this.#device, name))));
    return { key: name, name, facts, part: isWhole ? undefined : stored / size, acts };
  }

  async #rename(name) {
    const device = this.#device;
    const words = `What is it to be called on ${clip(printable(device), 40)}?`;
    const to = await ask({ about: `Rename ${clip(printable(name), 60)}`, words, action: 'Rename', value: name });
    if (to === null || to === name) return;
    await this.#try(() => request('PATCH', pathOf(device, name), { name: to }));
    this.refresh();
  }

  async #remove(name) {
    const device = this.#device;
    const words = `It is removed from ${clip(printable(device), 40)} for good.`;
    if ((await ask({ about: `Delete ${clip(printable(name), 60)}?`, words, action: 'Delete' })) === null) return;
    await this.#try(() => request('DELETE', pathOf(device, name)));
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

function pathOf(device, name) {
  const files = `/api/devices/${encodeURIComponent(device)}/files`;
  return name === undefined ? files : `${files}/${encodeURIComponent(name)}`;
}
