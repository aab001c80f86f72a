import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { openAnswerLedger } from '../support/answer-ledger.ts';
import { type Bed, makeBed } from '../support/bed/bed.ts';
import {
  ASYNCHRONOUS_FAILOVER,
  DATABASE_EVENTS,
  LOST_DISK,
  REPLICATED_DISK,
} from '../support/bed/database-events.ts';
import { addressOf, hasBed } from '../support/bed/network.ts';
import { openPlayer, type Player } from '../support/bed/play.ts';
import { SERVICE_EVENTS } from '../support/bed/service-events.ts';
import { openBouncer } from '../support/bouncer.ts';
import { describeWith } from '../support/foreign-parts.ts';

describeWith('`npm run test:availability`, as root', hasBed, 'over hosts of their own', () => {
  let bed: Bed;
  let player: Player;

  beforeAll(async () => {
    bed = await makeBed();
    player = openPlayer(bed, openAnswerLedger(bed.patroni.url));
  });
  afterAll(() => {
    player.printTable();
  });

  describe('nothing answered is lost, the log is whole, and all goes on by itself', () => {
    test.each([...DATABASE_EVENTS, ...SERVICE_EVENTS, REPLICATED_DISK])('$name', (event) =>
      player.play(event),
    );
  });

  test('pgbouncer in transaction mode is refused at the first connection', async () => {
    const leader = addressOf(await bed.patroni.leader());
    const bouncer = await openBouncer(`postgres://postgres@${leader}:5432/postgres`);
    const url = bouncer?.url ?? '';
    const database = openPgDatabase({ url, schema: 'audit', log: createLog('silent', () => undefined) });
    try {
      const refusal = await database.query('SELECT 1').catch((error: unknown) => error);
      const detail: unknown = expect.stringContaining('unsupported startup parameter');
      expect(refusal).toMatchObject({ code: 'STORE_UNAVAILABLE', detail });
      player.note('pgbouncer in transaction mode', 'REFUSED: unsupported startup parameter');
    } finally {
      await database.close();
      await bouncer?.close();
    }
  });

  describe('what is lost is shown by `audit verify`, and the log goes on', () => {
    test.each([LOST_DISK, ASYNCHRONOUS_FAILOVER])('$name', (event) => player.play(event));
  });
});
