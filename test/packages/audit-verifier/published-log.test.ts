import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fetchBelow } from '@aduana/audit-verifier/fetch-object';
import type { Report } from '@aduana/audit-verifier/verdict';
import { verifyPublished } from '@aduana/audit-verifier/verify-published';
import { Bucket } from '../../../subgraphs/audit/publishing/bucket.ts';
import { publishTree } from '../../../subgraphs/audit/publishing/publish-log.ts';
import { createMemoryLog } from '../../support/memory-log.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';
import { type ObjectStoreDouble, startObjectStoreDouble } from '../../support/object-store-double.ts';

const NOW = { now: Date.parse('2026-01-02') };

/** What lies in a bucket with a log of `size` entries. */
async function publish(size: number): Promise<Map<string, Buffer>> {
  const store = createMemoryObjectStore();
  const { parts } = createMemoryLog(size);
  const { signal } = new AbortController();
  const bucket = new Bucket(store, () => undefined);
  await publishTree(0, await parts.proofs.checkpoint(), { bucket, parts, signal });
  return store.objects;
}

const verify = (objects: ReadonlyMap<string, Buffer>): Promise<Report> =>
  verifyPublished((path) => Promise.resolve(objects.get(path)), NOW);

describe('a published log', () => {
  let objects: ReadonlyMap<string, Buffer>;
  beforeAll(async () => {
    objects = await publish(600);
  });

  test('of which any tile or bundle was changed is TAMPERED, and that one is named', async () => {
    for (const [path, body] of objects) {
      if (!path.startsWith('tile/')) continue;
      for (const at of [0, body.length - 1]) {
        const changed = Buffer.from(body);
        changed[at] = (changed[at] ?? 0) ^ 1;
        const { verdict, problems } = await verify(new Map([...objects, [path, changed]]));
        expect([path, verdict, problems[0]]).toEqual([path, 'TAMPERED', expect.stringContaining(path)]);
      }
    }
  });

  test('of which any tile or bundle is missing or cut short is TAMPERED, and that one is named', async () => {
    for (const [path, body] of objects) {
      if (!path.startsWith('tile/')) continue;
      const [without, short] = [new Map(objects), new Map([...objects, [path, body.subarray(1)] as const])];
      without.delete(path);
      for (const damaged of [without, short]) {
        const { verdict, problems } = await verify(damaged);
        expect([path, verdict, problems[0]]).toEqual([path, 'TAMPERED', expect.stringContaining(path)]);
      }
    }
  });

  test('with two bundles in each other’s place is TAMPERED', async () => {
    const swapped = new Map(objects);
    swapped.set('tile/entries/000', objects.get('tile/entries/001')!);
    swapped.set('tile/entries/001', objects.get('tile/entries/000')!);
    expect(await verify(swapped)).toMatchObject({ verdict: 'TAMPERED' });
  });

  test('with the checkpoint of another size, or a signature of nobody, is TAMPERED', async () => {
    const note = objects.get('checkpoint')!.toString();
    for (const changed of [note.replace('\n600\n', '\n599\n'), note.replace(/.{8}\n$/, 'AAAAAAA=\n')]) {
      const report = await verify(new Map([...objects, ['checkpoint', Buffer.from(changed)]]));
      expect(report).toMatchObject({ verdict: 'TAMPERED' });
    }
  });

  test('whose parts went since its checkpoint was read is read from the full tiles', async () => {
    const grown = new Map([...(await publish(768)), ['checkpoint', objects.get('checkpoint')!]]);
    for (const path of [...grown.keys()]) if (/\.p\/88$/.test(path)) grown.delete(path);
    grown.set('tile/1/000.p/2', objects.get('tile/1/000.p/2')!);
    expect(await verify(grown)).toMatchObject({ verdict: 'WHOLE', signed: { size: 600 } });
  });

  test('that is not there can be judged by nobody', async () => {
    expect(await verify(new Map())).toMatchObject({ verdict: 'UNUSABLE', exitCode: 3 });
  });
});

describe('over HTTP', () => {
  let double: ObjectStoreDouble;
  beforeAll(async () => {
    double = await startObjectStoreDouble();
    for (const [path, body] of await publish(300)) double.objects.set(`bucket/prod/${path}`, body);
  });
  afterAll(() => double.close());

  const read = () => verifyPublished(fetchBelow(`${double.address}/bucket/prod`, 1), NOW);

  test('a log is verified by whoever may read it', async () => {
    expect(await read()).toMatchObject({ verdict: 'WHOLE', signed: { size: 300 } });
  });

  test('a server that does not serve says nothing of the log', async () => {
    for (const fault of ['slow', 'away', 'denied'] as const) {
      double.fault(fault);
      expect([fault, await read()]).toMatchObject([fault, { verdict: 'UNUSABLE', exitCode: 3 }]);
    }
    double.fault('none');
  });

  test('only https is read, but for loopback', () => {
    for (const address of ['http://bucket.example/log', 'ftp://bucket.example', 'bucket', 'https://b/?x=1'])
      expect(() => fetchBelow(address)).toThrow('is no https:// address');
  });
});
