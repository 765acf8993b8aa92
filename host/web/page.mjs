// The page: one client, and views that take what it says and draw once in an animation frame.

import { PocketClient, pagePart } from './pocket.mjs';
import { ChatView } from './chat.mjs';
import { DevicesView } from './devices.mjs';
import { Exchange } from './exchange.mjs';
import { FilesView } from './files.mjs';
import { PeopleView } from './people.mjs';
import { ChannelsView, FramesView } from './wire.mjs';
import { element, setText, clip, inBytes } from './element.mjs';

const FILE_BYTES_MAX = 1024 * 1024;
const FILE_FRAMES_MAX = 16_384;
const NOTICES_MAX = 4;
const TYPING_EVERY_MS = 3000;
const TYPING_STOPS_MS = 4000;

const byId = (id) => document.getElementById(id);
const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
const client = new PocketClient({ url: `${scheme}//${location.host}/`, from: storedName() });

const mine = new Set();
const chat = new ChatView({ isMine: ({ messageId }) => mine.has(messageId) });
const people = new PeopleView({ ownName: () => client.from });
const devices = new DevicesView({ requestFile: () => say('chat', '/file') });
const files = new FilesView();
const frames = new FramesView();
const channels = new ChannelsView();
const exchange = new Exchange({ notify, draw });
const views = [chat, people, devices, files, exchange, frames, channels];

let isDrawing = false;
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    for (const view of views) view.render();
  });
}
// Ages on the page grow although nothing arrives.
setInterval(draw, 1000);

// ---- what the client says

client.addEventListener('frame', ({ detail: { frame } }) => {
  frames.take(frame);
  draw();
});
client.addEventListener('chunk', ({ detail: message }) => {
  channels.take(message);
  chat.take(message) || files.take(message);
});
client.addEventListener('message', ({ detail: message }) => {
  // Of presence, typing and counters only the newest matters; what has been shown need not be kept.
  if (people.take(message) || devices.count(message)) client.rebuilder.forget(message);
});
client.addEventListener('device', ({ detail: device }) => {
  devices.take(device);
  exchange.takeDevice(device);
  if (device.state === 'offline' || device.state === 'silent') people.leave(device.name);
});
client.addEventListener('transfer', ({ detail: transfer }) => exchange.takeTransfer(transfer));
client.addEventListener('depot', () => exchange.takeDepot());
client.addEventListener('notice', ({ detail: sentence }) => notify(sentence));

client.addEventListener('state', ({ detail: { state, reason, retryMs } }) => {
  const words = {
    disconnected: 'Disconnected',
    connecting: 'Connecting…',
    connected: 'Connected',
    error: `${reason} Trying again in ${Math.max(1, Math.round(retryMs / 1000))} s.`,
  };
  const indicator = byId('indicator');
  indicator.dataset.state = state;
  setText(indicator, words[state]);
  const isConnected = state === 'connected';
  byId('connect').disabled = isConnected || state === 'connecting';
  byId('disconnect').disabled = state === 'disconnected';
  for (const id of ['send-chat', 'presence', 'send-file']) byId(id).disabled = !isConnected;
  devices.connected(isConnected);
  if (isConnected) exchange.connected();
  draw();
});

// ---- what the person does

byId('connect').addEventListener('click', () => client.connect());
byId('disconnect').addEventListener('click', () => client.disconnect());
byId('presence').addEventListener('click', () => say('presence', 'online'));

byId('chat-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId('message');
  if (input.value === '' || !say('chat', input.value)) return;
  input.value = '';
  stopTyping();
});

let typing = { saidAt: 0, timer: undefined };
byId('message').addEventListener('input', () => {
  if (client.state !== 'connected') return;
  if (Date.now() - typing.saidAt > TYPING_EVERY_MS && say('typing', 'typing')) typing.saidAt = Date.now();
  clearTimeout(typing.timer);
  typing.timer = setTimeout(stopTyping, TYPING_STOPS_MS);
});
function stopTyping() {
  clearTimeout(typing.timer);
  if (typing.saidAt > 0 && client.state === 'connected') say('typing', 'idle');
  typing.saidAt = 0;
}

byId('name').value = client.from;
byId('name').addEventListener('change', ({ target }) => {
  client.from = target.value.trim() || `guest-${pagePart()}`;
  target.value = client.from;
  store('pocketmux-name', client.from);
});

byId('file-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [file] = byId('file').files;
  const chunkSize = Number(byId('file-chunk').value);
  if (!file) return;
  if (file.size === 0) return notify('This file is empty, and an empty message has no frames.');
  if (file.size > FILE_BYTES_MAX) return notify(`This file is larger than ${inBytes(FILE_BYTES_MAX)}.`);
  if (file.size / chunkSize > FILE_FRAMES_MAX) return notify('This file would need too many frames. Choose more bytes in a frame.');
  const button = byId('send-file');
  button.disabled = true;
  setText(button, 'Sending…');
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    await client.sendBytes('file', bytes, { chunkSize, meta: { name: file.name, size: file.size } });
    byId('file-form').reset();
  } catch (error) {
    notify(error.message);
  } finally {
    setText(button, 'Send file');
    button.disabled = client.state !== 'connected';
  }
});

function say(channel, message) {
  try {
    const messageId = client.nextId(channel);
    mine.add(messageId);
    if (mine.size > 1000) mine.delete(mine.values().next().value);
    client.send(channel, message, { messageId, chunkSize: Number(byId('text-chunk').value) });
    return true;
  } catch (error) {
    notify(error.message);
    return false;
  }
}

function notify(sentence) {
  const list = byId('notices');
  const text = clip(sentence, 400);
  for (const item of list.children) if (item.firstChild.textContent === text) item.remove();
  const dismiss = element('button', { type: 'button' }, 'Dismiss');
  const item = element('li', {}, element('span', {}, text), dismiss);
  dismiss.addEventListener('click', () => item.remove());
  list.prepend(item);
  while (list.childElementCount > NOTICES_MAX) list.lastElementChild.remove();
}

// A browser may forbid storage; the page works without.
function storedName() {
  try {
    return localStorage.getItem('pocketmux-name') || `guest-${pagePart()}`;
  } catch {
    return `guest-${pagePart()}`;
  }
}
function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then the name lasts as long as the page.
  }
}

client.connect();
