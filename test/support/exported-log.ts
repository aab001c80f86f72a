import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalText } from '@aduana/client/audit/canonical';
import { createNoteSigner, type NoteSigner, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { Frontier, leafHash } from '@aduana/server-kit/audit/merkle';
import { postedEvent } from './audit-events.ts';

const ORIGIN = 'test.local/audit';

export const TEST_SIGNER = signerOf(ORIGIN);

/** The same key under the name of a later epoch, counted from 2. */
export const signerOfEpoch = (epoch: number): NoteSigner => signerOf(`${ORIGIN}/epoch/${String(epoch)}`);

function signerOf(name: string): NoteSigner {
  return createNoteSigner(name, createHash('sha256').update('test').digest());
}

/** The root over the first `size` of these texts. */
export function rootOver(texts: readonly string[], size = texts.length): Buffer {
  const tree = new Frontier();
  for (const text of texts.slice(0, size)) tree.append(leafHash(text));
  return tree.root();
}

/** The note over the first `size` of these texts. */
export function noteOver(texts: readonly string[], size = texts.length, signer = TEST_SIGNER): string {
  return signCheckpoint({ origin: signer.name, size, root: rootOver(texts, size) }, [signer]);
}

/** A boot's events in order, each with whatever a test cares about. */
export function bootOf(...events: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return events.map((members, n) =>
    canonicalText(postedEvent({ source: { peer: 'gateway', instance: 'i', boot_id: 'b', n }, ...members })),
  );
}

/** A folder as `aduana audit export` writes it. */
export async function writeExport(texts: readonly string[], note = noteOver(texts)): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-export-'));
  await writeFile(join(folder, 'entries.jsonl'), texts.map((text) => `${text}\n`).join(''));
  await writeFile(join(folder, 'checkpoint'), note);
  await writeFile(join(folder, 'vkey'), `${TEST_SIGNER.vkey}\n`);
  return folder;
}
