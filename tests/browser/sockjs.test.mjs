// The published SockJS client over each of its transports, in Node and in Chromium, against the real host's `/echo` and `/close`.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import SockJS from 'sockjs-client';
import { folder, openPage, startBrowser, startHost, unwind } from './rig.mjs';

const script = createRequire(import.meta.url).resolve('sockjs-client/dist/sockjs.js');

const inNode = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'];
const inChromium = [...inNode, 'htmlfile', 'jsonp-polling'];

const ways = [];
let host;
let browser;

before(async () => {
  globalThis.SockJS = SockJS;
  const data = await folder();
  ways.push(data.remove);
  host = await startHost({ data: data.path, args: ['--sockjs-test-services'] });
  ways.push(() => host.stop());
  browser = await startBrowser();
  ways.push(() => browser.close());
});

after(() => unwind(ways));

/**
 * Sends batches of texts to `/echo` over one transport, each batch when the one before it has come back.
 *
 * It runs in Node and in pages, so it stands by itself. Texts go in and out as JSON: on their way to a page and back, half a
 * surrogate pair would not survive.
 */
function echo({ url, transport, batches }) {
  return new Promise((resolve, reject) => {
    const socket = new globalThis.SockJS(`${url}/echo`, null, { transports: [transport], timeout: 10_000 });
    const waiting = batches.map((batch) => JSON.parse(batch));
    let heard = [];
    const all = [];
    const next = () => {
      if (waiting.length === 0) socket.close(3001, 'through');
      else for (const text of waiting[0]) socket.send(text);
    };
    socket.onopen = () => (socket.transport === transport ? next() : reject(new Error(`it opened ${socket.transport}`)));
    socket.onmessage = ({ data }) => {
      heard.push(data);
      if (heard.length < waiting[0].length) return;
      all.push(JSON.stringify(heard));
      heard = [];
      waiting.shift();
      next();
    };
    socket.onclose = ({ code, reason }) =>
      code === 3001 ? resolve(all) : reject(new Error(`closed with ${code} ${reason} after ${all.length} batches`));
  });
}

/** How `/close` ends a session. It runs in Node and in pages, so it stands by itself. */
function close({ url, transport }) {
  return new Promise((resolve) => {
    const socket = new globalThis.SockJS(`${url}/close`, null, { transports: [transport], timeout: 10_000 });
    const heard = [];
    socket.onopen = () => heard.push(`open ${socket.transport}`);
    socket.onclose = ({ code, reason, wasClean }) => resolve([...heard, `close ${code} ${reason} ${wasClean}`]);
  });
}

const odd = [
  'a',
  '',
  'é 漢 😀',
  '\ud83d',
  '\ude00\ud83d',
  '\ufffd\uffff\ufeff\u2028\u2029\u200f',
  '\0\n\r\t\u001f\u007f',
  '50% %41 %25 %',
  '</script><script>throw 0</script>',
  '"\\\'"',
];
const long = ['x'.repeat(100_000), '😀é'.repeat(10_000), 'end'];
const many = Array.from({ length: 1000 }, (_, n) => `message ${n}`);
const batches = [odd, long, many].map((batch) => JSON.stringify(batch));

/** `echo` or `close` in a page of the host that allows what pages of long ago did. */
async function inPage(run, argument) {
  const { page, close: leave } = await openPage(browser, `${host.url}/echo/`);
  try {
    await page.addScriptTag({ path: script });
    return await page.evaluate(run, argument);
  } finally {
    await leave();
  }
}

const places = [
  { place: 'Node', transports: inNode, run: (run, argument) => run(argument) },
  { place: 'Chromium', transports: inChromium, run: inPage },
];

for (const { place, transports, run } of places) {
  for (const transport of transports) {
    test(`${transport} in ${place}: every text comes back as it was, in order`, { timeout: 60_000 }, async () => {
      assert.deepEqual(await run(echo, { url: host.url, transport, batches }), batches);
    });

    test(`${transport} in ${place}: the code and the reason of a close arrive`, { timeout: 60_000 }, async () => {
      const heard = await run(close, { url: host.url, transport });
      assert.deepEqual(heard, [`open ${transport}`, 'close 3000 Go away! true']);
    });
  }
}
