import { expect, test } from '@jest/globals';
import { Bucket } from '../../../../subgraphs/audit/publishing/bucket.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../../../support/memory-object-store.ts';

const ONE = Buffer.from('one');
const TWO = Buffer.from('two');
const TYPE = 'application/octet-stream';

type Write = MemoryObjectStore['putNew'];
const STORES: readonly (readonly [string, (store: MemoryObjectStore) => Write])[] = [
  ['respects', (store) => store.putNew],
  [
    'ignores',
    (store) => async (key, body, type) => {
      await store.put(key, body, type);
      return 'stored';
    },
  ],
  ['refuses', () => () => Promise.resolve('unsupported')],
];

test.each(STORES)('a store that %s conditions gets no object replaced', async (_, writeOf) => {
  const memory = createMemoryObjectStore();
  const outcomes: string[] = [];
  const bucket = new Bucket({ ...memory, putNew: writeOf(memory) }, (outcome) => outcomes.push(outcome));
  await bucket.probe('vkey', ONE);
  await bucket.putOnce('tile', ONE, TYPE);
  await bucket.putOnce('tile', ONE, TYPE);
  await expect(bucket.putOnce('tile', TWO, TYPE)).rejects.toThrow(
    's3://memory holds another tile than the log: remove it if it was damaged, or publish below another prefix',
  );
  expect(memory.objects.get('tile')).toEqual(ONE);
  expect(outcomes).toEqual(['stored', 'present']);
});

test('what changes is put when it does', async () => {
  const memory = createMemoryObjectStore();
  const bucket = new Bucket(memory, () => undefined);
  for (const body of [ONE, ONE, TWO, TWO]) await bucket.putChanging('checkpoint', body);
  expect(memory.changes).toEqual(['put checkpoint', 'put checkpoint']);
});
