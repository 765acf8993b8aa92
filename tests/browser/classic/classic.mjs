// The behaviour of a classic page, flaws included: a fixed address, one message per channel, ids that count from 1.
//
// The query stands for what its reader is asked to change: `?size=2` for the chunk size, `?typing` for one more channel.

const ADDRESS = 'ws://localhost:8765';
const query = new URLSearchParams(location.search);
const size = Number(query.get('size') ?? 4);
const channels = ['chat', 'presence', 'file', ...(query.has('typing') ? ['typing'] : [])];
const pockets = new Map();
const at = (id) => document.getElementById(id);
let socket = null;
let counter = 0;

function show(state, words) {
  at('indicator').dataset.state = state;
  at('indicator').textContent = words;
  at('status').textContent = words;
}

function connect() {
  if (socket?.readyState === WebSocket.OPEN) return;
  show('connecting', 'Connecting...');
  let hasFailed = false;
  socket = new WebSocket(ADDRESS);
  socket.onopen = () => show('connected', `Connected to ${ADDRESS}`);
  socket.onmessage = ({ data }) => take(JSON.parse(data));
  socket.onerror = () => {
    hasFailed = true;
    show('error', 'WebSocket error. Is server running?');
  };
  socket.onclose = () => hasFailed || show('disconnected', 'Disconnected.');
}

function disconnect() {
  show('connecting', 'Disconnecting...');
  socket?.close();
}

function send(channel, text) {
  if (socket?.readyState !== WebSocket.OPEN) {
    at('status').textContent = 'Connect before sending.';
    return;
  }
  counter += 1;
  const total = Math.ceil(text.length / size);
  for (let sequence = 0; sequence < total; sequence += 1) {
    const data = text.slice(sequence * size, (sequence + 1) * size);
    socket.send(JSON.stringify({ channel, messageId: `${channel}-${counter}`, sequence, total, data }));
  }
}

function take(frame) {
  let pocket = pockets.get(frame.channel);
  if (pocket?.id !== frame.messageId) pocket = { id: frame.messageId, total: 0, slices: [] };
  pockets.set(frame.channel, pocket);
  pocket.total = frame.total ?? pocket.total;
  pocket.slices[frame.sequence] = frame.data;
  const line = document.createElement('div');
  line.textContent = `${frame.channel}:${frame.sequence}/${frame.total ?? '?'} “${frame.data}”`;
  if (at('frames').textContent === 'No frames yet.') at('frames').textContent = '';
  at('frames').prepend(line);
  draw();
}

function draw() {
  at('rows').replaceChildren(
    ...channels.map((channel) => {
      const { total, slices } = pockets.get(channel) ?? { total: 0, slices: [] };
      const missing = Array.from({ length: total }, (_, n) => n).filter((n) => slices[n] === undefined);
      const received = slices.filter((slice) => slice !== undefined).length;
      const row = document.createElement('tr');
      row.dataset.channel = channel;
      for (const text of [channel, `${received}/${total}`, missing.join(', ') || '—', slices.join('')]) {
        row.insertCell().textContent = text;
      }
      return row;
    }),
  );
}

at('connect').onclick = connect;
at('disconnect').onclick = disconnect;
at('presence').onclick = () => send('presence', 'online');
at('file').onclick = () => send('file', 'ABCDEFGH');
at('chat').onsubmit = (event) => {
  event.preventDefault();
  send('chat', at('message').value);
};
at('message').oninput = () => query.has('typing') && send('typing', 'typing');
draw();
