// Published packages, made fit for a page.

import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import browserify from 'browserify';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/** A program and the packages of Node that it needs as one script. */
export async function bundle(source) {
  const bundler = browserify();
  bundler.add(Readable.from([source]), { basedir: here });
  return new Promise((resolve, reject) => bundler.bundle((error, script) => (error ? reject(error) : resolve(String(script)))));
}

/** The same of a program that imports modules, which browserify does not know. */
export async function bundleModules(source) {
  const { outputFiles } = await build({ stdin: { contents: source, resolveDir: here }, bundle: true, write: false, format: 'iife' });
  return outputFiles[0].text;
}
