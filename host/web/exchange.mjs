// The exchange of files: what is dropped on the page goes to the chosen device, and its four lists stay true.

import { element, setText, clip, printable } from './element.mjs';
import { DepotView } from './depot.mjs';
import { takeDrops } from './drop.mjs';
import { Jobs } from './jobs.mjs';
import { request } from './request.mjs';
import { StoreView } from './store.mjs';
import { TransfersView } from './transfers.mjs';

/** How devices that take files describe their channel `file`. */
const PROTOCOL = /^files\/1( |$)/;
const NAME_BYTES_MAX = 64;
const FILES_MAX = 256;
const DEVICES_MAX = 64;

const byId = (id) => document.getElementById(id);

export class Exchange {
  #jobs = new Jobs();
  /** Of devices that take files: whether they are online. */
  #devices = new Map();
  /** Where files go: a device, or null for the host alone; the first device that is online as long as nobody has chosen. */
  #target = null;
  #hasChosen = false;
  #select = byId('target');
  /** What every job was doing last. */
  #stages = new WeakMap();

  constructor({ notify, draw }) {
    Object.assign(this, { notify, draw });
    this.store = new StoreView({ notify, fetchFile: (device, name) => this.#begin({ device, direction: 'from', name }) });
    this.depot = new DepotView({
      notify,
      device: () => this.#target,
      sendFile: (device, file) => this.#begin({ device, direction: 'to', file }),
      changed: () => this.transfers.refresh(),
    });
    this.transfers = new TransfersView({
      jobs: this.#jobs,
      isOnline: (name) => this.#devices.get(name) === true,
      isThere: (id) => this.depot.has(id),
      act: (what, job) => this.#act(what, job),
    });
    this.#jobs.addEventListener('change', ({ detail: job }) => this.#moved(job));
    this.#jobs.addEventListener('gone', () => draw());
    this.#jobs.addEventListener('notice', ({ detail: sentence }) => notify(sentence));
    this.#select.addEventListener('change', () => this.#choose(this.#select.value || null));
    const [button, input, veil] = [byId('choose-files'), byId('upload-files'), byId('veil')];
    takeDrops({ button, input, veil, refuse: notify, take: (files) => this.#takeFiles(files) });
    // What other pages upload is told to nobody; who comes back to this one sees it.
    document.addEventListener('visibilitychange', () => document.hidden || this.depot.refresh());
    this.#drawTargets();
  }

  /** There is a connection: what was known is to be asked for again. */
  async connected() {
    this.depot.refresh();
    try {
      await this.#jobs.connected();
    } catch (error) {
      this.notify(error.message);
    }
  }

  takeDevice({ name, state, about }) {
    const meta = about?.file?.meta;
    const takesFiles = typeof meta === 'string' && PROTOCOL.test(meta);
    const isOnline = state === 'online';
    if (takesFiles ? this.#devices.get(name) === isOnline : !this.#devices.has(name)) return;
    if (this.#devices.size >= DEVICES_MAX && !this.#devices.has(name)) return;
    // Of a device that is not there nothing is known; one that was here is waited for.
    if (takesFiles || !isOnline) this.#devices.set(name, isOnline);
    else this.#devices.delete(name);
    // It stays the one also when it goes: what is for it waits.
    if (!this.#hasChosen && this.#target === null && takesFiles && isOnline) this.#target = name;
    this.#drawTargets();
    this.transfers.refresh();
  }

  takeDepot() {
    // A page that nobody sees asks when it is looked at again.
    if (!document.hidden) this.depot.refresh();
  }

  takeTransfer(transfer) {
    this.#jobs.take(transfer);
  }

  render() {
    this.transfers.render();
  }

  #choose(device) {
    [this.#target, this.#hasChosen] = [device, true];
    this.#drawTargets();
  }

  #drawTargets() {
    const target = this.#target;
    const names = [...this.#devices].filter(([name, isOnline]) => isOnline || name === target);
    if (target !== null && !this.#devices.has(target)) names.push([target, false]);
    const options = names.map(([name, isOnline]) => {
      const words = clip(printable(name), 40);
      return element('option', { value: name, selected: name === target }, isOnline ? words : `${words} (not online)`);
    });
    options.push(element('option', { value: '', selected: target === null }, 'this host only'));
    this.#select.replaceChildren(...options);
    const place = target === null ? 'keep them on this host' : `send them to ${clip(printable(target), 40)}`;
    setText(byId('drop-words'), `Drop files anywhere on this page to ${place}`);
    setText(byId('veil-words'), `Drop to ${place}`);
    this.store.choose(target, this.#devices.get(target) === true);
    this.depot.redraw();
  }

  #takeFiles(files) {
    const device = this.#target;
    const surplus = files.length - FILES_MAX;
    if (surplus > 0) this.notify(`These are too many files at once: the last ${surplus} were left out.`);
    for (const file of files.slice(0, FILES_MAX)) {
      const shown = clip(printable(file.name), 60);
      if (device !== null && new TextEncoder().encode(file.name).length > NAME_BYTES_MAX) {
        this.notify(`${shown}: for a device its name may have ${NAME_BYTES_MAX} bytes. Give it a shorter one, or keep it on this host only.`);
      } else if (!this.#jobs.add(file, device)) {
        this.notify(`${shown} is on its way already.`);
      }
    }
  }

  /** Begins a transfer; throws the host's sentence. */
  async #begin(wanted) {
    this.#jobs.take(await request('POST', '/api/transfers', wanted));
  }

  async #act(what, job) {
    try {
      if (what !== 'clear') return await this.#jobs[what](job);
      await Promise.all([...this.#jobs].filter((each) => !each.isOpen).map((each) => this.#jobs.remove(each)));
    } catch (error) {
      this.notify(error.message);
    }
  }

  /** Something is further; what begins or comes to a rest has changed what is there. */
  #moved(job) {
    this.draw();
    const isMoving = job.state === 'running' || job.state === 'waiting';
    const rest = job.transfer?.drops ? 'to be dropped' : job.state;
    const stage = !isMoving ? rest : job.isUploading ? 'uploading' : 'sending';
    if (this.#stages.get(job) === stage) return;
    this.#stages.set(job, stage);
    this.depot.refresh();
    if (job.transfer && !isMoving && job.device === this.#target) this.store.refresh();
  }
}
