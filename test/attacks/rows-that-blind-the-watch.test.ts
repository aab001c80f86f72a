// The attacker has the login of the audit service's writer, and appends what no source can post: the watch, which verifies
// the log while it runs, must not stop there and so pass over what is changed behind it.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { appendAsWriter } from '../support/append-as-writer.ts';
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
    await appendAsWriter(audit, canonical);
    await audit.log.advance();
    await audit.log.verify();
    expect(audit.log.contradiction()).toContain('is not');
    expect((await audit.log.integrity()).status).toBe('TAMPERED');
  });
});
