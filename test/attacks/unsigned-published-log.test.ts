/**
 * The attacker serves what is said to be the published log (a bucket's owner, or a server of its own) and has not the log's
 * key. It wants the verifier to read without end, or to fill its disk, before it sees that nothing is signed.
 */
import { expect, test } from '@jest/globals';
import type { Report } from '@aduana/audit-verifier/verdict';
import { verifyPublished } from '@aduana/audit-verifier/verify-published';
import { createNoteSigner, signNote } from '@aduana/server-kit/audit/checkpoint';
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { Bucket } from '../../subgraphs/audit/publishing/bucket.ts';
import { publishTree } from '../../subgraphs/audit/publishing/publish-log.ts';
import { bootOf, noteOver, TEST_SIGNER } from '../support/exported-log.ts';
import { createMemoryLog } from '../support/memory-log.ts';
import { createMemoryObjectStore } from '../support/memory-object-store.ts';

const MOST_READS = 20;
const NOW = { now: Date.parse('2026-01-02') };

/** Verifies what `serve` answers, which fails after more reads than any check of a signature needs. */
async function verify(
  serve: (path: string) => Buffer | undefined,
  vkey = TEST_SIGNER.vkey,
): Promise<{ readonly report: Report; readonly tiles: readonly string[] }> {
  const tiles: string[] = [];
  const report = await verifyPublished(
    (path) => {
      if (path.startsWith('tile/')) tiles.push(path);
      return tiles.length > MOST_READS
        ? Promise.reject(new Error('it reads without end'))
        : Promise.resolve(serve(path));
    },
    { vkey, ...NOW },
  );
  return { report, tiles };
}

test('of a log that another key signed no tile is read', async () => {
  const { objects } = await published(70_000);
  const other = createNoteSigner(TEST_SIGNER.name, Buffer.alloc(32, 9));
  const { report, tiles } = await verify((path) => objects.get(path), other.vkey);
  expect(report).toMatchObject({
    verdict: 'TAMPERED',
    problems: ['the checkpoint is not signed by the log'],
  });
  expect(tiles).toEqual([]);
});

test('of a log whose own key is none no tile is read', async () => {
  const { objects } = await published(300);
  const report = await verifyPublished(
    (path) => Promise.resolve(path === 'vkey' ? Buffer.from('x+00000000+AAAA') : objects.get(path)),
    NOW,
  );
  expect(report).toMatchObject({ verdict: 'UNUSABLE', exitCode: 3 });
});

test('a minimum index that nobody signed leads nowhere', async () => {
  const [text = ''] = bootOf({ type: 'source.start' });
  const served = new Map([
    ['checkpoint', noteOver([text])],
    ['minimum-index', `${TEST_SIGNER.name}\nminimum index 999999999999999\n\n— ${TEST_SIGNER.name} AAAA\n`],
  ]);
  const { report, tiles } = await verify((path) => {
    if (path === 'tile/0/000.p/1') return leafHash(text);
    if (path.startsWith('tile/')) return Buffer.alloc(8192);
    return served.has(path) ? Buffer.from(served.get(path) ?? '') : undefined;
  });
  expect(report).toMatchObject({
    verdict: 'TAMPERED',
    problems: ['the minimum index is not signed by the log'],
  });
  expect(tiles).toEqual([]);
});

test('a signed minimum index beyond the signed tree leads nowhere', async () => {
  const [text = ''] = bootOf({ type: 'source.start' });
  const note = signNote(`${TEST_SIGNER.name}\nminimum index 512\n`, [TEST_SIGNER]);
  const served = new Map([
    ['checkpoint', noteOver([text])],
    ['minimum-index', note],
  ]);
  const { report } = await verify((path) => {
    if (path === 'tile/0/000.p/1') return leafHash(text);
    if (path.startsWith('tile/')) return Buffer.alloc(8192);
    return served.has(path) ? Buffer.from(served.get(path) ?? '') : undefined;
  });
  expect(report).toMatchObject({ verdict: 'TAMPERED' });
});

async function published(size: number) {
  const store = createMemoryObjectStore();
  const { parts } = createMemoryLog(size);
  const bucket = new Bucket(store, () => undefined);
  const { signal } = new AbortController();
  await publishTree(0, await parts.proofs.checkpoint(), { bucket, parts, signal });
  return store;
}
