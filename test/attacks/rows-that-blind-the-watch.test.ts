// The attacker has the login of the audit service's writer, and appends what no source can post: the watch, which verifies
// the log while it runs, must not stop there and so pass over what is changed behind it.
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { uuidv7 } from '@aduana/core/platform/ids';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';

describeStores('a row that is no event', (openStore) => {
  let audit: TestLog;
  beforeEach(async () => {
    audit = await openTestLog(openStore);
    await audit.log.ingest.accept('gateway', postedBody(postedEvent(), postedEvent()));
  });
  afterEach(() => audit.remove());

  async function append(canonical: string): Promise<void> {
    const hash = leafHash(canonical);
    const columns = [
      {
        ...{
          id: uuidv7(Date.now()),
          peer: 'x',
          time: new Date().toISOString(),
          type: 'x',
          outcome: 'ALLOWED',
        },
        ...{ actor: 'x', instance: 'x', boot_id: 'x', n: 0 },
      },
    ];
    await audit.store.writer.query('SELECT append_new($1, $2, $3)', [
      canonical,
      Buffer.concat([hash, hash]),
      JSON.stringify(columns),
    ]);
    await audit.log.advance();
  }

  test.each([
    '{}',
    'null',
    '5',
    '[]',
    '{"source":null}',
    '{"source":{},"actor":null}',
    '{"source":{},"actor":{}}',
    'x',
  ])('such as %s is told, and nothing is signed any more', async (canonical) => {
    await append(canonical);
    await audit.log.verify();
    expect(audit.log.contradiction()).toContain('is not');
    expect((await audit.log.integrity()).status).toBe('TAMPERED');
  });
});
