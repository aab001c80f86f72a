import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNoteSigner, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { Frontier, leafHash } from '@aduana/server-kit/audit/merkle';
import { uuidv7 } from '@aduana/core/platform/ids';
import { admitEvents } from '../../dist/subgraphs/audit/log/admit-events.js';
import { eventOf } from './event-record.js';

/** An exported log of `count` events, as `aduana audit export` writes it. */
export async function writeLog(folder, count) {
  const signer = createNoteSigner('bench/audit', Buffer.alloc(32, 1));
  const tree = new Frontier();
  const stream = createWriteStream(join(folder, 'entries.jsonl'));
  for (let n = 0; n < count; n += 1) {
    const [{ canonical }] = await admitEvents('gateway', [eventOf(n, uuidv7(n))], undefined);
    tree.append(leafHash(canonical));
    if (!stream.write(`${canonical}\n`)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
  const checkpoint = { origin: signer.name, size: count, root: tree.root() };
  await writeFile(join(folder, 'checkpoint'), signCheckpoint(checkpoint, [signer]));
  await writeFile(join(folder, 'vkey'), signer.vkey);
}
