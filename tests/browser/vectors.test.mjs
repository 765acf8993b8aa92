// The JavaScript client keeps the shared vectors of tests/vectors/, as Rust does.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cut, schedule, join, label, parse, FrameError, Rebuilder } from '../../host/web/pocket.mjs';

const read = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
const text = (value) => (Array.isArray(value) ? String.fromCharCode(...value) : value);
const toFrame = ([channel, messageId, sequence, total, data, from]) => {
  return { channel, messageId, sequence, data: text(data), ...(total !== null && { total }), ...(from && { from }) };
};
const toRow = ({ channel, messageId, sequence, total, data }) => [channel, messageId, sequence, total ?? null, data];
const expected = (row) => row.with(4, text(row[4]));

for (const { name, messages, chunkSize, quantum, frames, error } of read('schedule').cases) {
  test(`schedule: ${name}`, () => {
    const input = messages.map((message) => ({ ...message, message: text(message.message) }));
    if (error) {
      assert.throws(() => schedule(input, { chunkSize, quantum }), { name: 'RangeError', message: new RegExp(`^${error} `) });
    } else {
      assert.deepEqual(schedule(input, { chunkSize, quantum }).map(toRow), frames.map(expected));
    }
  });
}

for (const { name, frames, joined } of read('join').cases) {
  test(`join: ${name}`, () => {
    assert.deepEqual([...join(frames.map(toFrame))], joined.map(([channel, whole]) => [channel, text(whole)]));
  });
}

for (const { name, frames, messages } of read('rebuild').cases) {
  test(`rebuild: ${name}`, () => {
    const rebuilder = new Rebuilder();
    for (const frame of frames) rebuilder.put(toFrame(frame));
    const seen = rebuilder.messages.map((m) => ({
      from: m.from,
      channel: m.channel,
      messageId: m.messageId,
      received: m.received,
      total: m.total,
      missing: m.missing(),
      complete: m.complete,
      text: m.text,
    }));
    assert.deepEqual(seen, messages.map((message) => ({ ...message, text: text(message.text) })));
  });
}

const { accepted, refused } = read('frames');

for (const { name, text: wire, frame, label: shown } of accepted) {
  test(`accepted: ${name}`, () => {
    const parsed = parse(wire);
    assert.deepEqual(toRow(parsed), expected(frame));
    if (shown) assert.equal(label(parsed), shown);
  });
}

for (const { name, text: wire, kind, field } of refused) {
  test(`refused: ${name}`, () => {
    assert.throws(() => parse(wire), (error) => {
      assert.ok(error instanceof FrameError);
      assert.deepEqual([error.kind, error.field], [kind, field]);
      if (field) assert.match(error.message, new RegExp(field));
      return true;
    });
  });
}

test('what is scheduled and shuffled is rebuilt, at every size and quantum', () => {
  const messages = [
    { channel: 'chat', message: 'hi 😀! 🇵🇱' },
    { channel: 'chat', message: 'another' },
    { channel: 'file', message: 'x'.repeat(100) },
  ];
  for (let chunkSize = 1; chunkSize < 12; chunkSize += 1) {
    for (let quantum = 1; quantum < 4; quantum += 1) {
      const frames = schedule(messages, { chunkSize, quantum });
      const rebuilder = new Rebuilder();
      // A fixed stride that shares no factor with the length visits every frame, in another order.
      for (let at = 0; at < frames.length; at += 1) rebuilder.put(frames[(at * stride(frames.length)) % frames.length]);
      const rebuilt = new Map(rebuilder.messages.map((m) => [m.messageId, m.text]));
      messages.forEach(({ channel, message }, index) => assert.equal(rebuilt.get(`${channel}-${index}`), message));
      assert.ok(rebuilder.messages.every((m) => m.complete));
    }
  }
});

function stride(length) {
  const divides = (a, b) => (b === 0 ? a : divides(b, a % b));
  let step = Math.floor(length * 0.618) + 1;
  while (divides(step, length) !== 1) step += 1;
  return step;
}

test('a chunk size in quotes is refused', () => {
  assert.throws(() => cut('hello', '4'), RangeError);
  assert.throws(() => cut('hello', Infinity), RangeError);
});
