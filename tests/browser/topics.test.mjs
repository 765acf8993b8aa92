// The published clients of SockJS and websocket-multiplex, over each transport, in Node and in Chromium, against the real host.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import SockJS from 'sockjs-client';
import { WebSocket } from 'ws';
import { folder, openPage, startBrowser, startHost, unwind } from './rig.mjs';

const { resolve: find } = createRequire(import.meta.url);
const scripts = ['sockjs-client/dist/sockjs.js', 'websocket-multiplex/multiplex_client.js'].map((name) => find(name));

const inNode = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'];
const inChromium = [...inNode, 'htmlfile', 'jsonp-polling'];
const limit = { timeout: 60_000 };

const ways = [];
let host, exampleHost, browser;

before(async () => {
  globalThis.SockJS = SockJS;
  // It is a script for pages, which declares a global.
  globalThis.WebSocketMultiplex = new Function(`${readFileSync(scripts[1], 'utf8')}; return WebSocketMultiplex;`)();
  const data = await folder();
  ways.push(data.remove);
  host = await startHost({ data: data.path });
  ways.push(() => host.stop());
  exampleHost = await startHost({ data: data.path, args: ['--example', 'ann-bob-carl'] });
  ways.push(() => exampleHost.stop());
  browser = await startBrowser();
  ways.push(() => browser.close());
});

after(() => unwind(ways));

/** A client of pocket frames, which says whole messages and calls `hear` with those of one frame. */
async function pocket(hear) {
  const socket = new WebSocket(host.url.replace('http', 'ws'));
  let count = 0;
  const say = (channel, data) => {
    count += 1;
    socket.send(JSON.stringify({ channel, messageId: `pocket-${count}`, sequence: 0, total: 1, data }));
  };
  socket.on('message', (text) => {
    const { channel, messageId, data } = JSON.parse(text);
    if (!messageId.startsWith('pocket-')) hear(channel, data, say);
  });
  await once(socket, 'open');
  return { say, close: () => socket.terminate() };
}

/**
 * Talks on a topic until it has heard `end`, closes it, and stays long enough to hear what it should not.
 *
 * It runs in Node and in pages, so it stands by itself.
 */
function talk({ url, transport, name, control, payload }) {
  return new Promise((resolve, reject) => {
    const socket = new globalThis.SockJS(`${url}/multiplex`, null, { transports: [transport], timeout: 10_000 });
    socket.onclose = ({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`));
    const multiplex = new globalThis.WebSocketMultiplex(socket);
    const heard = [];
    const topic = multiplex.channel(name);
    const second = multiplex.channel(control);
    second.onopen = () => topic.send(payload);
    topic.onmessage = ({ data }) => {
      heard.push(data);
      if (data !== 'end') return;
      topic.close();
      second.send('closed');
    };
    second.onmessage = () => {
      socket.onclose = () => resolve(heard);
      socket.close();
    };
  });
}

/** What the services of the example say, and the end of one. It runs in Node and in pages. */
function visit({ url, transport }) {
  return new Promise((resolve, reject) => {
    const socket = new globalThis.SockJS(`${url}/multiplex`, null, { transports: [transport], timeout: 10_000 });
    socket.onclose = ({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`));
    const multiplex = new globalThis.WebSocketMultiplex(socket);
    const heard = [];
    const note = (line) => {
      heard.push(line);
      if (heard.length < 6) return;
      socket.onclose = () => resolve(heard.sort());
      socket.close();
    };
    for (const name of ['ann', 'bob', 'carl']) {
      const channel = multiplex.channel(name);
      channel.onopen = () => channel.send('X');
      channel.onmessage = ({ data }) => note(data);
      channel.onclose = () => note(`${name} has gone`);
    }
  });
}

/** The same in a page of the host that allows what pages of long ago did. */
async function inPage(run, argument) {
  const { page, close } = await openPage(browser, `${argument.url}/multiplex/`);
  try {
    for (const path of scripts) await page.addScriptTag({ path });
    return await page.evaluate(run, argument);
  } finally {
    await close();
  }
}

const places = [
  { place: 'Node', transports: inNode, run: (run, argument) => run(argument) },
  { place: 'Chromium', transports: inChromium, run: inPage },
];

for (const { place, transports, run } of places) {
  for (const transport of transports) {
    test(`${transport} in ${place}: a topic is a channel, and quiet after its end`, limit, async () => {
      const name = `a,b c/é😀% ${place} ${transport}`;
      const control = `control ${place} ${transport}`;
      const payload = 'hello, from, a topic 😀';
      const lines = ['one,two', '', '{"a":[1,2]}', 'x'.repeat(20_000), 'end'];
      const said = [];
      const other = await pocket((channel, data, say) => {
        if (channel === name) {
          said.push(data);
          for (const line of lines) say(name, line);
        } else if (channel === control) {
          say(name, 'late');
          say(control, 'stop');
        }
      });
      try {
        assert.deepEqual(await run(talk, { url: host.url, transport, name, control, payload }), lines);
        assert.deepEqual(said, [payload]);
      } finally {
        other.close();
      }
    });

    test(`${transport} in ${place}: the services of the example`, limit, async () => {
      assert.deepEqual(await run(visit, { url: exampleHost.url, transport }), [
        'Ann nods: X',
        'Ann says hi!',
        "Bob doesn't agree.",
        'Bob says no to: X',
        'Carl says goodbye!',
        'carl has gone',
      ]);
    });
  }
}
