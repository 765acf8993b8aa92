// Pocket frames: cut messages into them, take turns, read them, name them.
//
// A frame is {channel, messageId, sequence, total, data}, optionally with from, meta and encoding; it crosses a WebSocket
// as one JSON text. Text is UTF-16 here as in every JavaScript string, so a frame may hold half a surrogate pair;
// joining the halves gives the character back. The vectors in tests/vectors/ hold this file to its word.

const U32_MAX = 0xffff_ffff;

/** Cuts `text` into slices of `size` UTF-16 code units. An empty text gives no slice. */
export function cut(text, size) {
  requirePositive('chunkSize', size);
  const slices = [];
  for (let at = 0; at < text.length; at += size) slices.push(text.slice(at, at + size));
  return slices;
}

/**
 * Messages `{channel, message, messageId?, ...more}` to frames, in the classic order: round after round, every
 * message with a slice left sends `quantum` of them, in input order. A given messageId is kept, even an empty one;
 * the default is `<channel>-<index in the input>`. `from`, `encoding` and (on the first frame) `meta` are passed on.
 */
export function schedule(messages, { chunkSize = 4, quantum = 1 } = {}) {
  requirePositive('chunkSize', chunkSize);
  requirePositive('quantum', quantum);
  let waiting = messages.map((message, index) => ({
    label: { channel: message.channel, messageId: message.messageId ?? `${message.channel}-${index}` },
    more: { from: message.from, encoding: message.encoding },
    meta: message.meta,
    slices: cut(String(message.message), chunkSize),
    next: 0,
  }));
  const frames = [];
  while ((waiting = waiting.filter((m) => m.next < m.slices.length)).length > 0) {
    for (const m of waiting) {
      for (let turn = 0; turn < quantum && m.next < m.slices.length; turn += 1) {
        const frame = { ...m.label, sequence: m.next, total: m.slices.length, data: m.slices[m.next] };
        for (const [key, value] of Object.entries(m.more)) if (value !== undefined) frame[key] = value;
        if (m.next === 0 && m.meta !== undefined) frame.meta = m.meta;
        frames.push(frame);
        m.next += 1;
      }
    }
  }
  return frames;
}

/** The classic decoder: a Map from channel to its data, sorted stably by sequence and joined. Message ids play no part. */
export function join(frames) {
  const channels = new Map();
  for (const frame of frames) {
    if (!channels.has(frame.channel)) channels.set(frame.channel, []);
    channels.get(frame.channel).push(frame);
  }
  const bySequence = (a, b) => a.sequence - b.sequence;
  return new Map([...channels].map(([name, list]) => [name, list.sort(bySequence).map((f) => f.data).join('')]));
}

/** How a raw list shows a frame: `chat:0/2 “hell”`, with `?` for a total that is not known. */
export function label(frame) {
  return `${frame.channel}:${frame.sequence}/${frame.total ?? '?'} “${frame.data}”`;
}

/** Why `parse` refused a text. `kind` is json, missing, type, sequence or total; `field` the field to blame. */
export class FrameError extends Error {
  constructor(kind, field, message) {
    super(message);
    this.name = 'FrameError';
    this.kind = kind;
    this.field = field;
  }
}

/** One JSON text to one frame, or a FrameError that says what is wrong with it. Unknown fields are kept. */
export function parse(text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch (cause) {
    throw new FrameError('json', undefined, `This is not JSON: ${cause.message}`);
  }
  if (frame === null || typeof frame !== 'object' || Array.isArray(frame)) {
    throw new FrameError('json', undefined, 'A frame is a JSON object.');
  }
  const types = { channel: 'string', messageId: 'string', sequence: 'number', data: 'string' };
  for (const field of Object.keys(types)) {
    if (!Object.hasOwn(frame, field)) throw new FrameError('missing', field, `The field ${field} is missing.`);
  }
  for (const [field, type] of Object.entries(types)) {
    if (typeof frame[field] !== type) throw new FrameError('type', field, `The field ${field} must be a ${type}.`);
  }
  for (const field of ['from', 'encoding']) {
    if (typeof (frame[field] ?? '') !== 'string') throw new FrameError('type', field, `The field ${field} must be a string.`);
  }
  const { sequence } = frame;
  const total = frame.total ?? null;
  if (total !== null) {
    if (typeof total !== 'number') throw new FrameError('type', 'total', 'The field total must be a number.');
    if (!isCount(total) || total === 0) throw new FrameError('total', 'total', 'The total must be a whole number from 1.');
  }
  if (!isCount(sequence)) throw new FrameError('sequence', 'sequence', 'The sequence must be a whole number from 0.');
  if (total !== null && sequence >= total) {
    throw new FrameError('sequence', 'sequence', `The sequence ${sequence} is not below the total ${total}.`);
  }
  return frame;
}

function requirePositive(name, value) {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} must be a whole number from 1, not ${value}.`);
}

function isCount(value) {
  return Number.isInteger(value) && value >= 0 && value <= U32_MAX;
}
