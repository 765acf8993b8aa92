// What clients of streams need in Node: a stream over a socket.

import { Duplex } from 'node:stream';

/** A stream of Node over anything with the interface of a browser's WebSocket. */
export function streamOf(socket) {
  const stream = new Duplex({
    decodeStrings: false,
    read() {},
    write(text, _encoding, done) {
      socket.send(String(text));
      done();
    },
    final(done) {
      socket.close();
      done();
    },
    destroy(error, done) {
      socket.close();
      done(error);
    },
  });
  stream.setEncoding('utf8');
  socket.onopen = () => {
    stream.uncork();
    stream.emit('connect');
  };
  socket.onmessage = ({ data: text }) => stream.push(text);
  socket.onclose = () => stream.push(null);
  socket.onerror = () => {};
  stream.cork();
  return stream;
}
