import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { rolesOf } from '@aduana/server-kit/store/migrate';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { admitEvents } from '../../dist/subgraphs/audit/log/admit-events.js';
import { AUDIT_SCHEMA } from '../../dist/subgraphs/audit/log/schema.js';
import { createSequencer } from '../../dist/subgraphs/audit/log/sequencer.js';
import { createMixedEvents, lengthOf } from './mixed-events.js';

const AT_ONCE = 5000;
const TICK_MS = 50;

/**
 * Appends `count` events to the log of a running deployment as its audit service does, which signs them: as another
 * replica of it. The last one is of now.
 */
export function fillLog(databaseUrl, count) {
  return withAppender(databaseUrl, async (append) => {
    const eventAt = createMixedEvents('seed', Date.now() - lengthOf(count));
    let appended;
    for (let from = 0; from < count; from += AT_ONCE) {
      const made = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, at) => eventAt(from + at));
      const admitted = await admit(made);
      await appended;
      appended = append(admitted);
    }
    await appended;
  });
}

/** Appends so many events a second, evenly, for so long; answers how many, and the id of the last. */
export function appendSteadily(databaseUrl, perSecond, seconds) {
  return withAppender(databaseUrl, async (append) => {
    const eventAt = createMixedEvents(`live-${process.pid}`, Date.now());
    const began = performance.now();
    let count = 0;
    let lastId;
    while (performance.now() - began < seconds * 1000) {
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
      const made = [];
      while (count < due) made.push(eventAt(count++));
      if (made.length > 0) await append(await admit(made));
      lastId = made.at(-1)?.event.id ?? lastId;
      await sleep(TICK_MS);
    }
    return { count, lastId };
  });
}

async function admit(made) {
  const admitted = await Promise.all(made.map(({ peer, event }) => admitEvents(peer, [event], undefined)));
  return admitted.flat();
}

async function withAppender(databaseUrl, work) {
  const writer = openPgDatabase({
    url: databaseUrl,
    schema: AUDIT_SCHEMA,
    role: rolesOf(new URL(databaseUrl).pathname.slice(1), AUDIT_SCHEMA).writer,
    statementTimeoutMilliseconds: 60_000,
    log: createLog('error', (line) => process.stderr.write(line)),
  });
  const sequencer = createSequencer(writer);
  try {
    return await work((entries) => sequencer.append(entries));
  } finally {
    await writer.close();
  }
}
