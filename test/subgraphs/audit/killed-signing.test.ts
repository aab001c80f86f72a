import { afterEach, expect, test } from '@jest/globals';
import type { Database } from '@aduana/server-kit/store/database';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { describeStores } from '../../support/stores.ts';

/** Full tiles and some more; twice as many make the next level's tile no fuller. */
const ENTRIES = 600;
const PER_POST = 200;

describeStores('a log that is killed while it signs', (openStore) => {
  let audit: TestLog | undefined;
  afterEach(() => audit?.remove());

  async function append(log: TestLog): Promise<void> {
    for (let from = 0; from < ENTRIES; from += PER_POST)
      await log.log.ingest.accept(
        'gateway',
        postedBody(...Array.from({ length: PER_POST }, () => postedEvent())),
      );
  }

  test('after its note was kept and before the database had it is no log that was tampered with', async () => {
    const death = { isNear: false };
    audit = await openTestLog(async (schema, migrations) => {
      const store = await openStore(schema, migrations);
      return { ...store, writer: dyingBeforeCommits(store.writer, death) };
    });
    await append(audit);
    death.isNear = true;
    await expect(audit.log.advance()).rejects.toThrow('killed');
    await audit.stop();
    death.isNear = false;
    for (const _ of ['the next life', 'and the one after it']) {
      await audit.restart();
      expect(audit.log.contradiction()).toBeUndefined();
      await append(audit);
      await audit.log.advance();
      await audit.log.verify();
      expect(audit.log.contradiction()).toBeUndefined();
      expect((await audit.log.proofs.checkpoint()).size).toBeGreaterThan(ENTRIES);
    }
  });
});

/** Whose signed state is never committed while death is near. */
function dyingBeforeCommits(writer: Database, death: { readonly isNear: boolean }): Database {
  return new Proxy(writer, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name !== 'tryExclusively' || !death.isNear) return member.bind(target) as unknown;
      return (lock: string, work: Parameters<Database['tryExclusively']>[1]) =>
        target.tryExclusively(lock, async (transaction) => {
          await work(transaction);
          throw new Error('killed');
        });
    },
  });
}
