import { expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { loadCheckpointSigners } from '../../../subgraphs/audit/checkpoints/checkpoint-key.ts';
import { openSignedMark } from '../../../subgraphs/audit/checkpoints/signed-mark.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createMemorySecrets } from '../../support/memory-secrets.ts';

const log = createLog('silent', () => undefined);
const noteOf = (size: number) => `log\n${String(size)}\n${Buffer.alloc(32, size).toString('base64')}\n\n`;

test('replicas that begin a new log at once both begin it', async () => {
  const secrets = createMemorySecrets();
  const clock = createFakeClock();
  const signers = await loadCheckpointSigners(secrets, 'log');
  const marks = await Promise.all([1, 2].map(() => openSignedMark(secrets, clock, log)));
  await Promise.all(marks.map((mark) => mark.begin(signers)));
  expect(marks.map(({ tree }) => tree?.size)).toEqual([0, 0]);
});

test('the first note is kept, then one each half minute, then the last; never a smaller one than another replica has', async () => {
  const secrets = createMemorySecrets();
  const clock = createFakeClock();
  const open = () => openSignedMark(secrets, clock, log);
  const sizeNow = async () => (await open()).tree?.size;
  const settled = () => new Promise((done) => setImmediate(done));
  const [one, two] = [await open(), await open()];
  one.keep(noteOf(10));
  await settled();
  one.keep(noteOf(11));
  await settled();
  expect(await sizeNow()).toBe(10);
  await clock.advance(30_000);
  one.keep(noteOf(12));
  await settled();
  expect(await sizeNow()).toBe(12);
  two.keep(noteOf(9));
  await settled();
  expect(await sizeNow()).toBe(12);
  one.keep(noteOf(13));
  await one.settle();
  expect(await sizeNow()).toBe(13);
});
