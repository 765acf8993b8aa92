// One connection to a Pocketmux host: it connects, comes back after a loss, sends messages, and says what arrives.
//
// Events (all CustomEvents; the detail is given here):
//   state    {state, reason, retryMs}  disconnected, connecting, connected or error (lost; tries again after retryMs)
//   frame    {frame, text}             every good frame, before anything else is said about it
//   chunk    message                   a message has grown by a frame
//   message  message                   a message is complete
//   device   {name, state, ...}        the host's word on a device, as it is and at every change
//   transfer {id, state, ...}          the host's word on a file between it and a device, as it is and at every change;
//                                      {id, state: 'forgotten'} once it is in no list any more
//   depot    none                      there are other files on the host than before
//   notice   string                    a sentence for the person: refused by the host, or unreadable
//
// A file is sent with at most `windowFrames` frames that the host has not yet relayed back to us. The host lets a reader
// go that falls behind, and a sender reads its own frames too; so without a window a page could throw itself out.

import { schedule, parse } from './frame.mjs';
import { Rebuilder } from './rebuilder.mjs';
import { idMaker } from './ids.mjs';
import { toBase64 } from './base64.mjs';

const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15_000];
const STEADY_MS = 5000;
const STALL_MS = 15_000;
const BUFFERED_BYTES_MAX = 1024 * 1024;
/** More than the host has transfers. */
const REVISIONS_MAX = 2048;

export class PocketClient extends EventTarget {
  #socket = null;
  #isWanted = false;
  #tries = 0;
  #timers = { retry: undefined, steady: undefined };
  #echoes = new Map();
  /** The newest word on each transfer, by ids. */
  #revisions = new Map();

  constructor({ url, protocols = ['pocketmux.v1'], WebSocket = globalThis.WebSocket, from, windowFrames = 32, limits } = {}) {
    super();
    Object.assign(this, { url, protocols, WebSocket, from, windowFrames });
    this.state = 'disconnected';
    this.rebuilder = new Rebuilder(limits);
    this.nextId = idMaker();
  }

  /** Connects, and goes on trying until `disconnect`. */
  connect() {
    if (this.#socket) return;
    this.#isWanted = true;
    clearTimeout(this.#timers.retry);
    this.#say('connecting');
    const socket = new this.WebSocket(this.url, this.protocols);
    this.#socket = socket;
    socket.addEventListener('open', () => this.#opened(socket));
    socket.addEventListener('message', ({ data }) => socket === this.#socket && this.#take(data));
    socket.addEventListener('close', (event) => this.#closed(socket, event));
    // A close event follows every error event, and it knows more; but a listener must be there.
    socket.addEventListener('error', () => {});
  }

  /** Closes the connection, or gives up trying for one. */
  disconnect() {
    const socket = this.#socket;
    this.#isWanted = false;
    this.#drop();
    socket?.close(1000);
    this.#say('disconnected');
  }

  /** Sends one text message and returns its id. Throws when there is no connection. */
  send(channel, message, { chunkSize = 4, messageId = this.nextId(channel), meta } = {}) {
    this.#requireConnection();
    for (const frame of schedule([{ channel, message, messageId, meta, from: this.from }], { chunkSize })) this.#post(frame);
    return messageId;
  }

  /** Sends bytes as base64 frames of `chunkSize` bytes each; resolves with the id when the host has relayed all of them. */
  async sendBytes(channel, bytes, { chunkSize = 240, messageId = this.nextId(channel), meta } = {}) {
    this.#requireConnection();
    const total = Math.ceil(bytes.length / chunkSize);
    const echo = { count: 0, wake: () => {}, failure: null };
    this.#echoes.set(messageId, echo);
    try {
      for (let sequence = 0; sequence < total; sequence += 1) {
        await this.#room(echo, () => sequence - echo.count < this.windowFrames && this.#isDrained());
        const data = toBase64(bytes.subarray(sequence * chunkSize, (sequence + 1) * chunkSize));
        const frame = { channel, messageId, sequence, total, data, encoding: 'base64' };
        if (this.from !== undefined) frame.from = this.from;
        if (sequence === 0 && meta !== undefined) frame.meta = meta;
        this.#post(frame);
      }
      await this.#room(echo, () => echo.count >= total);
    } finally {
      this.#echoes.delete(messageId);
    }
    return messageId;
  }

  #opened(socket) {
    if (socket !== this.#socket) return;
    // A host that was started anew counts anew.
    this.#revisions.clear();
    this.#timers.steady = setTimeout(() => (this.#tries = 0), STEADY_MS);
    this.#say('connected');
  }

  #closed(socket, { code, reason }) {
    if (socket !== this.#socket) return;
    const wasConnected = this.state === 'connected';
    this.#drop();
    if (!this.#isWanted) return;
    const retryMs = Math.round(RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2));
    this.#tries += 1;
    this.#timers.retry = setTimeout(() => this.connect(), retryMs);
    this.#say('error', whyClosed(code, reason, wasConnected), retryMs);
  }

  #drop() {
    clearTimeout(this.#timers.retry);
    clearTimeout(this.#timers.steady);
    this.#socket = null;
    for (const echo of this.#echoes.values()) fail(echo, 'The connection closed before everything was sent.');
  }

  #take(text) {
    let frame;
    try {
      if (typeof text !== 'string') throw new Error('The host sent a binary message.');
      frame = parse(text);
    } catch (error) {
      this.#emit('notice', `A frame could not be read. ${error.message}`);
      return;
    }
    this.#emit('frame', { frame, text });
    this.#count(frame);
    const message = this.rebuilder.put(frame);
    this.#emit('chunk', message);
    if (!message.complete) return;
    this.#emit('message', message);
    if (frame.channel === 'device') this.#device(message);
    if (frame.channel === 'transfer') this.#transfer(message);
    if (frame.channel === 'depot') this.#depot(message);
    if (frame.channel === 'error') this.#refused(message);
  }

  #count(frame) {
    const echo = this.#echoes.get(frame.messageId);
    if (!echo) return;
    echo.count += 1;
    echo.wake();
  }

  #device(message) {
    this.rebuilder.forget(message);
    try {
      const device = JSON.parse(message.text);
      if (typeof device.name === 'string') this.#emit('device', device);
    } catch {
      this.#emit('notice', 'The host described a device in words this page cannot read.');
    }
  }

  #transfer(message) {
    this.rebuilder.forget(message);
    try {
      const transfer = JSON.parse(message.text);
      const { id, revision } = transfer;
      if (typeof id !== 'string' || revision < this.#revisions.get(id)) return;
      this.#revisions.delete(id);
      this.#revisions.set(id, revision);
      if (this.#revisions.size > REVISIONS_MAX) this.#revisions.delete(this.#revisions.keys().next().value);
      this.#emit('transfer', transfer);
    } catch {
      this.#emit('notice', 'The host described a transfer in words this page cannot read.');
    }
  }

  #depot(message) {
    this.rebuilder.forget(message);
    this.#emit('depot');
  }

  #refused(message) {
    this.rebuilder.forget(message);
    this.#emit('notice', message.text);
  }

  async #room(echo, isReady) {
    let seen = echo.count;
    let deadline = Date.now() + STALL_MS;
    while (!echo.failure && !isReady()) {
      if (echo.count !== seen) [seen, deadline] = [echo.count, Date.now() + STALL_MS];
      if (Date.now() > deadline) fail(echo, 'The host stopped relaying this message.');
      await new Promise((wake) => {
        const timer = setTimeout(wake, 50);
        echo.wake = () => (clearTimeout(timer), wake());
      });
    }
    if (echo.failure) throw new Error(echo.failure);
  }

  #isDrained() {
    return (this.#socket?.bufferedAmount ?? 0) < BUFFERED_BYTES_MAX;
  }

  #requireConnection() {
    if (this.state !== 'connected') throw new Error('Connect before sending.');
  }

  #post(frame) {
    this.#requireConnection();
    this.#socket.send(JSON.stringify(frame));
  }

  #say(state, reason = '', retryMs = 0) {
    this.state = state;
    this.#emit('state', { state, reason, retryMs });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function fail(echo, sentence) {
  echo.failure ??= sentence;
  echo.wake();
}

function whyClosed(code, reason, wasConnected) {
  if (code === 1001) return 'The host is stopping.';
  if (code === 1013) return 'The host let this page go because it could not keep up.';
  if (reason) return reason;
  return wasConnected ? 'The connection was lost.' : 'No answer. Is the host running?';
}
