// Bundles preview.tsx into one script and one style sheet, as a page that needs no server.
import { build } from 'esbuild';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

await build({
  entryPoints: ['preview.tsx'],
  bundle: true,
  outfile: 'dist/preview.js',
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.svg': 'text', '.woff2': 'empty', '.png': 'empty', '.ttf': 'empty' },
  // Their .mjs files import CommonJS modules by a default that such modules do not have.
  plugins: [{
    name: 'commonjs-of-grafana',
    setup(build) {
      build.onResolve({ filter: /^@grafana\/(ui|data|i18n|schema)$/ }, ({ path }) => ({
        path: resolve(`node_modules/${path}/dist/cjs/index.cjs`),
      }));
    },
  }],
  jsx: 'automatic',
  minify: true,
  logLevel: 'error',
});
writeFileSync(
  'dist/index.html',
  '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="preview.css">' +
    '<body><div id="root"></div><script src="data.js"></script><script src="preview.js"></script>'
);
