import { expect } from '@jest/globals';
import type { TestStore } from './stores.ts';
import { basic, type TestSts } from './test-sts.ts';

/** What somebody does who can write the tables of a service: as the database's superuser. */
export const attackOn =
  (store: () => TestStore) =>
  (sql: string, ...parameters: unknown[]) =>
    store().superuser.query(sql, parameters);

/** The status of a token request of a service, by default with its right secret. */
export const loginAs = async (at: TestSts, id: string, secret?: string): Promise<number> =>
  (await at.token({ grant_type: 'client_credentials' }, { headers: basic(id, secret) })).status;

/** A forged row is in the audit log. */
export function expectForgeryRecorded(at: TestSts, table: string): void {
  expect(at.records.filter(({ type }) => type === 'store.forged')).toContainEqual(
    expect.objectContaining({ outcome: 'DENIED', detail: expect.objectContaining({ table }) as unknown }),
  );
}

/** A forged row is in the audit log and in `/health`. */
export function expectForgeryReported(at: TestSts, table: string): void {
  expectForgeryRecorded(at, table);
  expect(at.seals.forged.state).toContain('forged');
}
