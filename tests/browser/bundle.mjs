// Published packages of Node, made fit for a page.

import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import browserify from 'browserify';

/** A program and the packages that it needs as one script. */
export async function bundle(source) {
  const bundler = browserify();
  bundler.add(Readable.from([source]), { basedir: fileURLToPath(new URL('.', import.meta.url)) });
  return new Promise((resolve, reject) => bundler.bundle((error, script) => (error ? reject(error) : resolve(String(script)))));
}
