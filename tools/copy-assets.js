// Puts the files that code reads beside itself (schemas, pages, SQL) next to the compiled code, and marks the command executable.
import { chmodSync, cpSync, statSync } from 'node:fs';
import { extname } from 'node:path';

const FOLDERS = ['gateway', 'subgraphs', 'examples'];
const ASSETS = new Set(['.graphql', '.html', '.css', '.svg', '.json', '.sql', '.js']);

for (const folder of FOLDERS) {
  cpSync(folder, `dist/${folder}`, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => statSync(path).isDirectory() || ASSETS.has(extname(path)),
  });
}
// What `aduana init` starts from.
cpSync('policies', 'dist/policies', { recursive: true, preserveTimestamps: true });
chmodSync('dist/cli/main.js', 0o755);
