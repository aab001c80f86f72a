// Builds the pages of the console into dist/console/web, unless nothing that they are made of has changed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = 'console/web';
const OUT = 'dist/console/web';
const STAMP = 'dist/console/web.sha256';
const PACKAGES = ['vite', 'react', 'react-dom', '@tanstack/react-router', '@tanstack/react-query', 'uplot'];

const inputs = digestOfInputs();
const isBuilt = existsSync(`${OUT}/index.html`) && existsSync(STAMP);
if (!isBuilt || readFileSync(STAMP, 'utf8') !== inputs) {
  const { build } = await import('vite');
  await build({
    configFile: false,
    root: SOURCE,
    logLevel: 'warn',
    esbuild: { jsx: 'automatic', legalComments: 'none' },
    build: {
      outDir: `../../${OUT}`,
      emptyOutDir: true,
      target: ['chrome120', 'firefox120', 'safari17'],
      modulePreload: { polyfill: false },
      // An image or a style in a data: URL is not what the content security policy lets in as a file.
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      rollupOptions: {
        output: {
          entryFileNames: 'assets/[name].[hash].js',
          chunkFileNames: 'assets/[name].[hash].js',
          assetFileNames: 'assets/[name].[hash][extname]',
        },
        onwarn(warning, warn) {
          // "use client" speaks to a server that renders: there is none.
          if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
        },
      },
    },
  });
  writeFileSync(STAMP, inputs);
}

/** Of every source, of this file, and of the versions of what is bundled. */
function digestOfInputs() {
  const hash = createHash('sha256');
  const files = readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of [...files, 'tools/build-console.js', ...PACKAGES.map(packageFile)])
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function packageFile(name) {
  return `node_modules/${name}/package.json`;
}
