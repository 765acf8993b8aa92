// A stage for the page alone: serves host/web under the host's content policy and plays the host's part of the socket.
//
// The tests with the real host are in page.test.mjs; here a test puts words into the host's mouth that a healthy host
// and board would hardly say: floods, markup, refusals, silence.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { WebSocketServer } from 'ws';

const web = new URL('../../host/web/', import.meta.url);
const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export class Stage {
  /** What the page has said, as texts. */
  heard = [];
  /** What is answered in JSON, by method and path: a value, or a function of the body. */
  answers = { 'GET /api/transfers': [], 'GET /files/': [] };
  #server;
  #sockets;
  #port = 0;

  async open() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#sockets = new WebSocketServer({ server: this.#server, handleProtocols: (names) => [...names][0] });
    this.#sockets.on('connection', (socket) => {
      socket.on('message', (data) => {
        this.heard.push(data.toString());
        this.say(data.toString());
      });
    });
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = this.#server.address().port;
    return this;
  }

  get url() {
    return `http://localhost:${this.#port}/`;
  }

  /** To every page: a text as it is, or a frame. */
  say(frame) {
    const text = typeof frame === 'string' ? frame : JSON.stringify({ messageId: 'm', sequence: 0, total: 1, ...frame });
    for (const socket of this.#sockets.clients) socket.send(text);
  }

  async close(code = 1001) {
    for (const socket of this.#sockets.clients) socket.close(code);
    this.#sockets.close();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(request, response) {
    const { method, url } = request;
    const answer = this.answers[`${method} ${url}`];
    if (answer !== undefined) {
      let body = '';
      for await (const part of request) body += part;
      response.writeHead(200, { 'content-type': 'application/json', 'content-security-policy': policy });
      response.end(JSON.stringify(typeof answer === 'function' ? answer(body) : answer));
      return;
    }
    const name = url === '/' ? 'index.html' : url.slice(1);
    const type = types[name.split('.').pop()];
    const body = /^[\w.-]+$/.test(name) && type ? await readFile(new URL(name, web)).catch(() => null) : null;
    response.writeHead(body ? 200 : 404, { 'content-type': type ?? 'text/plain', 'content-security-policy': policy });
    response.end(body);
  }
}
