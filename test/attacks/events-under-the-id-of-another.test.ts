/** The attacker has the certificate of one service, and knows the id of another's event that it wants out of a SIEM. */
import { expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createElasticSink } from '../../subgraphs/audit/shippers/elastic-sink.ts';
import { formatRecord } from '../../subgraphs/audit/shippers/format-record.ts';
import { readStream } from '../../subgraphs/audit/shippers/read-stream.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog } from '../support/open-test-log.ts';
import { sendAll } from '../support/shipped-events.ts';
import { openSinkReceiver } from '../support/sink-receiver.ts';
import { describeOneStore } from '../support/stores.ts';

const receiver = openSinkReceiver();

/** An index that creates each document once. */
function openIndex() {
  const documents = new Map<string, string>();
  receiver.answer = ({ body }) => {
    const lines = body.trimEnd().split('\n');
    const items = lines.flatMap((line, at) => {
      if (at % 2 === 1) return [];
      const { _id: id } = (JSON.parse(line) as { readonly create: { readonly _id: string } }).create;
      const isThere = documents.has(id);
      if (!isThere) documents.set(id, lines[at + 1] ?? '');
      return [{ create: { status: isThere ? 409 : 201 } }];
    });
    return { status: 200, body: { items } };
  };
  return documents;
}

describeOneStore('an event under the id of another service', (openStore) => {
  test('takes its place in no index, and keeps none out; each is there once', async () => {
    const audit = await openTestLog(openStore);
    const first = postedEvent();
    const claimed = postedEvent({ id: first['id'], type: 'app.claim' });
    const later = postedEvent({ type: 'app.before' });
    const second = postedEvent({ id: later['id'] });
    const { ingest } = audit.log;
    await ingest.accept('gateway', postedBody(first));
    await ingest.accept('leads', postedBody(claimed, later));
    await ingest.accept('gateway', postedBody(second));

    const documents = openIndex();
    const { url, ca } = receiver;
    const settings = {
      name: 'e',
      kind: 'elastic_bulk',
      format: 'ocsf',
      url,
      index: 'i',
      tls: { ca },
    } as const;
    const elastic = await receiver.connect(createElasticSink(settings, createSystemClock()), 0);
    const records = await readStream(audit.log.reader, { seq: 0, checkpointSize: 0 }, 100, []);
    const events = records
      .filter(({ kind }) => kind === 'entry')
      .map((record, position) => formatRecord(record, 'ocsf', position));
    await sendAll(elastic, [...events, ...events]);

    expect([...documents.values()]).toEqual(events.map(({ text }) => text));
    const codes = [first, later].map(({ id }) => JSON.parse(documents.get(String(id)) ?? '{}') as object);
    expect(codes).toMatchObject(
      ['request', 'app.before'].map((event_code) => ({ metadata: { event_code } })),
    );
    await audit.remove();
  });
});
