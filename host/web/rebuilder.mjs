// Rebuilds messages from frames in any order, for a live display.
//
// A message is named by (from, channel, messageId). A repeated sequence overwrites; `total` follows every frame that gives
// one. When the first frame of a complete message comes again, the message has been sent anew and starts afresh: classic
// pages count their messages from 1, so two of them use the same ids.
// Everything has a bound: messages, messages of one channel, frames of one message, data in all of them. The oldest
// message goes first; frames that no longer fit their message are counted in `dropped`.

import { fromBase64 } from './base64.mjs';

/** One message in progress. The Rebuilder fills it; readers only look. */
export class Message {
  #slices = new Map();
  #highest = -1;

  constructor(frame, key) {
    this.key = key;
    this.from = frame.from ?? '';
    this.channel = frame.channel;
    this.messageId = frame.messageId;
    this.total = null;
    this.meta = undefined;
    this.isBytes = false;
    /** Milliseconds since 1970 of the first and of the latest frame. */
    this.startedAt = this.touchedAt = Date.now();
    /** UTF-16 code units kept. */
    this.size = 0;
    /** True when a frame did not fit and was left out: this message will never be complete. */
    this.isTruncated = false;
  }

  /** How many different sequences have come. */
  get received() {
    return this.#slices.size;
  }

  get complete() {
    return this.total !== null && this.received >= this.total && this.#highest < this.total;
  }

  has(sequence) {
    return this.#slices.has(sequence);
  }

  /** The code units a frame would add: fewer, or less than none, where it overwrites. */
  growth(frame) {
    return frame.data.length - (this.#slices.get(frame.sequence)?.length ?? 0);
  }

  put(frame) {
    this.size += this.growth(frame);
    this.#slices.set(frame.sequence, frame.data);
    this.#highest = Math.max(this.#highest, frame.sequence);
    this.follow(frame);
  }

  /** Takes over what a frame says about its message, apart from its data. */
  follow(frame) {
    this.total = frame.total ?? this.total;
    if (frame.meta !== undefined) this.meta = frame.meta;
    if (frame.encoding === 'base64') this.isBytes = true;
    this.touchedAt = Date.now();
  }

  /** Up to `limit` missing sequences, below the total or else below the highest seen. */
  missing(limit = 1000) {
    const end = this.total ?? this.#highest;
    const list = [];
    for (let sequence = 0; sequence < end && list.length < limit; sequence += 1) {
      if (!this.#slices.has(sequence)) list.push(sequence);
    }
    return list;
  }

  /** How many sequences are missing in all. */
  get missingCount() {
    if (this.total !== null) return Math.max(0, this.total - this.received);
    return this.#highest + 1 - this.received;
  }

  /** What is there, in order of sequence. For bytes this is base64 text; see `bytes`. */
  get text() {
    return this.#inOrder().join('');
  }

  /** The first `limit` code units of what is there, at a cost that does not grow with the message. */
  preview(limit) {
    let text = '';
    const end = Math.min(this.#highest + 1, limit);
    for (let sequence = 0; sequence < end && text.length < limit; sequence += 1) text += this.#slices.get(sequence) ?? '';
    return text.slice(0, limit);
  }

  /** What is there, as bytes. Every frame is decoded alone, as each is padded alone. Null where base64 is broken. */
  get bytes() {
    if (!this.isBytes) return new TextEncoder().encode(this.text);
    const parts = this.#inOrder().map(fromBase64);
    if (parts.includes(null)) return null;
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #inOrder() {
    return [...this.#slices].sort(([a], [b]) => a - b).map(([, data]) => data);
  }
}

/** Frames in, messages out. */
export class Rebuilder {
  #messages = new Map();
  #perChannel = new Map();
  #size = 0;

  constructor({ messagesMax = 500, perChannelMax = 100, framesMax = 65_536, sizeMax = 8 * 1024 * 1024 } = {}) {
    this.limits = { messagesMax, perChannelMax, framesMax, sizeMax };
    /** Frames left out because their message had grown too long. */
    this.dropped = 0;
  }

  /** Messages in order of their first frame. */
  get messages() {
    return [...this.#messages.values()];
  }

  /** UTF-16 code units kept in all messages. */
  get size() {
    return this.#size;
  }

  /** Takes one frame and gives back the message it belongs to. */
  put(frame) {
    const { framesMax, sizeMax } = this.limits;
    const message = this.#find(frame);
    const isTooMany = !message.has(frame.sequence) && message.received >= framesMax;
    const growth = message.growth(frame);
    if (isTooMany || message.size + growth > sizeMax) {
      message.isTruncated = true;
      message.follow(frame);
      this.dropped += 1;
      return message;
    }
    message.put(frame);
    this.#size += growth;
    while (this.#size > sizeMax) this.forget(this.#oldest((other) => other !== message));
    return message;
  }

  /** Forgets a message, as when it has been shown and only the newest matters. */
  forget(message) {
    if (this.#messages.get(message.key) !== message) return;
    this.#messages.delete(message.key);
    this.#size -= message.size;
    const left = this.#perChannel.get(message.channel) - 1;
    if (left > 0) this.#perChannel.set(message.channel, left);
    else this.#perChannel.delete(message.channel);
  }

  #find(frame) {
    const key = JSON.stringify([frame.from ?? '', frame.channel, frame.messageId]);
    const known = this.#messages.get(key);
    if (known && !(known.complete && frame.sequence === 0)) return known;
    if (known) this.forget(known);

    const message = new Message(frame, key);
    const onChannel = (this.#perChannel.get(frame.channel) ?? 0) + 1;
    if (onChannel > this.limits.perChannelMax) this.forget(this.#oldest((other) => other.channel === frame.channel));
    else if (this.#messages.size >= this.limits.messagesMax) this.forget(this.#oldest(() => true));
    this.#messages.set(key, message);
    this.#perChannel.set(frame.channel, (this.#perChannel.get(frame.channel) ?? 0) + 1);
    return message;
  }

  #oldest(isCandidate) {
    for (const message of this.#messages.values()) if (isCandidate(message)) return message;
    return undefined;
  }
}
