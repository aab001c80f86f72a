import { createSystemClock } from '@aduana/core/platform/clock';
import { createTreeReader } from '../../dist/subgraphs/audit/checkpoints/tree-reader.js';
import { recordSteadily } from './measure-appends.js';
import { percentiles } from './percentile.js';

const PROOFS = 1000;
const WRITES_PER_SECOND = 1000;

/**
 * Inclusion proofs of random entries: `cold` by a service that has read no tile yet, `warm` by one that has made as many
 * before (the cache holds 1,024 of the 3,923 tiles of 10^6 entries), `whileWriting` as warm, with 1,000 events per second
 * coming in.
 */
export async function measureProofs({ audit, reader, openClient }) {
  const { size } = await audit.proofs.checkpoint();
  const clock = createSystemClock();
  const cold = await measureOf(size, (index) => createTreeReader(reader, clock).inclusionProof(index, size));
  const prove = (index) => audit.proofs.inclusion(index);
  await measureOf(size, prove);
  const warm = await measureOf(size, prove);
  const client = await openClient('meanwhile');
  let isMeasured = false;
  const writing = recordSteadily(client, WRITES_PER_SECOND, () => !isMeasured, []);
  const whileWriting = await measureOf(size, prove);
  isMeasured = true;
  await writing;
  await client.close();
  return {
    entries: size,
    cold,
    warm,
    whileWriting,
  };
}

async function measureOf(size, prove) {
  const spans = [];
  const cpu = process.cpuUsage();
  for (let count = 0; count < PROOFS; count += 1) {
    const index = Math.floor(Math.random() * size);
    const began = performance.now();
    await prove(index);
    spans.push(performance.now() - began);
  }
  const { user, system } = process.cpuUsage(cpu);
  return { ...percentiles(spans), cpuMs: Number(((user + system) / 1000 / PROOFS).toPrecision(3)) };
}
