import { mkdir } from 'node:fs/promises';
import { openEmbeddedStore } from '@aduana/server-kit/store/pglite-database';

// A process of its own, which `aduana up` forks at the first start: the folder is its one argument.
const folder = process.argv[2];
if (folder === undefined) throw new TypeError('the folder is missing');
await mkdir(folder, { recursive: true, mode: 0o700 });
await (await openEmbeddedStore(folder)).close();
process.disconnect();
