import { expect, test } from '@jest/globals';
import { canonicalText, MAX_LEAF_BYTES } from '@aduana/client/audit/canonical';
import { intentRecord, openRequestAudit, requestRecord } from '../../gateway/audit/request-audit.ts';

const TRACE = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false };
const FIELDS = [
  'Query.leads',
  ...Array.from({ length: 150 }, (_, n) => `Contact.field${String(n)}`),
  'Contact.email',
];
const LONG = 'x'.repeat(900_000);

/** The event as the log keeps it, of a request whose client chose every text that it can choose. */
function logged(parts: Partial<ReturnType<typeof openRequestAudit>>) {
  const audit = Object.assign(openRequestAudit('id'), {
    operationName: LONG,
    operationKind: 'query',
    documentHash: 'c'.repeat(64),
    fields: FIELDS,
    subgraphs: ['leads'],
    reason: LONG,
    ...parts,
  });
  const event = (record: object) => {
    const text = canonicalText(record as Record<string, unknown>);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_LEAF_BYTES);
    return JSON.parse(text) as {
      request: { fields: string[]; operation_name: string };
      detail: Record<string, unknown>;
      truncated?: boolean;
    };
  };
  return [event(requestRecord(audit, TRACE, '127.0.0.1')), event(intentRecord(audit, TRACE))];
}

const refusals = Array.from({ length: 60 }, (_, n) => ({
  coordinate: `Lead.secret${String(n)}`,
  path: ['leads', '@', `${String(n)}${'alias'.repeat(800)}`],
  missing: ['scope'],
  because: Array.from({ length: 20 }, (_unused, m) => ({
    missing: `scope:${String(m)}`,
    reason: 'not_granted',
  })),
}));

test('neither a long operation name nor long aliases of refused fields take the room of a coordinate', () => {
  for (const event of logged({ refusals, unenforced: refusals })) {
    expect(event.request.fields).toEqual(FIELDS);
    expect(event.truncated).toBeUndefined();
    expect(event.detail).not.toHaveProperty('more_fields');
  }
});

test('what is cut is counted', () => {
  const [request] = logged({ refusals });
  const refused = request?.detail['refused'] as { because: unknown[]; more_because: number }[];
  expect(refused.length).toBeGreaterThan(5);
  expect(request?.detail).toMatchObject({
    more_refused: 60 - refused.length,
    more_operation_name: LONG.length - 256,
  });
  expect(refused[0]).toMatchObject({ more_because: 12 });
});

test('coordinates that find no room are counted, in the intent as well', () => {
  for (const fields of [
    Array.from({ length: 500 }, (_, n) => `Contact.field${String(n)}`),
    Array.from({ length: 100 }, (_, n) => `Contact.${'long'.repeat(200)}${String(n)}`),
  ])
    for (const event of logged({ fields, refusals })) {
      expect(event.request.fields.length + Number(event.detail['more_fields'])).toBe(fields.length);
      expect(event.request.fields.length).toBeGreaterThan(5);
    }
});
