// The Pocketmux client for JavaScript, whole: import what you need from here.
//
//   import { PocketClient } from './pocket.mjs';
//   const client = new PocketClient({ url: 'ws://localhost:8765/' });
//   client.addEventListener('message', ({ detail }) => console.log(detail.from, detail.channel, detail.text));
//   client.addEventListener('state', ({ detail }) => detail.state === 'connected' && client.send('chat', 'hello'));
//   client.connect();
//
// Works in browsers and in Node 20 and later (there, pass `WebSocket` from the `ws` package if there is no global one).

export { cut, schedule, join, label, parse, FrameError } from './frame.mjs';
export { Message, Rebuilder } from './rebuilder.mjs';
export { PocketClient } from './client.mjs';
export { idMaker, pagePart } from './ids.mjs';
export { toBase64, fromBase64 } from './base64.mjs';
