import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalText } from '@aduana/core/audit/canonical';
import { createNoteSigner, signCheckpoint } from '@aduana/core/audit/checkpoint';
import { Frontier, leafHash } from '@aduana/core/audit/merkle';
import { uuidv7 } from '@aduana/core/platform/ids';

/** An exported log of `count` events like `record`, as `aduana audit export` writes it. */
export async function writeLog(folder, count, record) {
  const signer = createNoteSigner('bench/audit', Buffer.alloc(32, 1));
  const tree = new Frontier();
  const stream = createWriteStream(join(folder, 'entries.jsonl'));
  for (let n = 0; n < count; n += 1) {
    const time = 1_767_225_600_000 + n;
    const source = { peer: 'gateway', instance: 'gateway@1', boot_id: 'bench', n };
    const text = canonicalText({
      v: 1,
      id: uuidv7(time),
      time: new Date(time).toISOString(),
      source,
      ...record,
    });
    tree.append(leafHash(text));
    if (!stream.write(`${text}\n`)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
  const checkpoint = { origin: signer.name, size: count, root: tree.root() };
  await writeFile(join(folder, 'checkpoint'), signCheckpoint(checkpoint, [signer]));
  await writeFile(join(folder, 'vkey'), signer.vkey);
}
