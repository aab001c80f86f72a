import { expect, test } from '@jest/globals';
import { createExpiringIds } from '@aduana/core/platform/expiring-ids';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { StatusEntry, StatusPage } from '@aduana/core/status/status-entry';
import { createStatusReader } from '@aduana/core/status/status-reader';
import { createFakeClock } from '../../../support/fake-clock.ts';

const noop = (): void => undefined;

type New<Entry> = Entry extends unknown ? Omit<Entry, 'seq' | 'at'> : never;

function openReader(pageLength = 1_000, away = false) {
  const clock = createFakeClock();
  const entries: StatusEntry[] = [];
  const state = { away, wake: noop, head: 0 };
  const reader = createStatusReader({
    fetchPage(after): Promise<StatusPage> {
      if (state.away) return Promise.reject(new Error('away'));
      const page = entries.filter(({ seq }) => seq > after).slice(0, pageLength);
      return Promise.resolve({ entries: page, head: state.head });
    },
    onWake(listener) {
      state.wake = listener;
      return () => undefined;
    },
    clock,
    log: createLog('silent', () => undefined),
  });
  const add = (entry: New<StatusEntry>): void => {
    state.head += 1;
    entries.push({ ...entry, seq: state.head, at: clock.now() });
  };
  return { reader, clock, entries, state, add };
}

test('every kind of statement takes effect, a restored service included', async () => {
  const { reader, clock, add } = openReader();
  add({ kind: 'token_revoked', jti: 'j', until: 2_000_000_000 });
  add({ kind: 'key_revoked', kid: 'k' });
  add({ kind: 'certificate_revoked', thumbprint: 't' });
  add({ kind: 'service_suspended', service: 'bff' });
  add({ kind: 'policies_changed', sha256: 'abc' });
  await clock.advance(3_100);
  expect(reader.isTokenRevoked('j', 'other')).toBe(true);
  expect(reader.isTokenRevoked('other', 'j')).toBe(true);
  expect(reader.isTokenRevoked('other', 'other')).toBe(false);
  expect(reader.isKeyRevoked('k')).toBe(true);
  expect(reader.isCertificateRevoked('t')).toBe(true);
  expect(reader.isServiceSuspended('bff')).toBe(true);
  expect(reader.policiesSha256).toBe('abc');
  add({ kind: 'service_restored', service: 'bff' });
  await clock.advance(3_100);
  expect(reader.isServiceSuspended('bff')).toBe(false);
});

test('without the bus a statement takes effect within the poll', async () => {
  const { reader, clock, add } = openReader();
  await clock.advance(0);
  add({ kind: 'key_revoked', kid: 'k' });
  await clock.advance(3_100);
  expect(reader.isKeyRevoked('k')).toBe(true);
});

test('a wake makes it take effect at once; a forged wake does no harm', async () => {
  const { reader, clock, add, state } = openReader();
  await clock.advance(0);
  add({ kind: 'key_revoked', kid: 'k' });
  state.wake();
  await clock.advance(0);
  expect(reader.isKeyRevoked('k')).toBe(true);
  for (let times = 0; times < 100; times += 1) state.wake();
  await clock.advance(0);
  expect(reader.isKeyRevoked('k')).toBe(true);
});

test('a feed longer than a page is read whole before the reader is ready', async () => {
  const { reader, clock, add } = openReader(10);
  for (let n = 0; n < 95; n += 1) add({ kind: 'key_revoked', kid: `k${String(n)}` });
  await clock.advance(3_100);
  expect(reader.isKeyRevoked('k94')).toBe(true);
});

test('before the first read and after 60 s without one, nothing is vouched for', async () => {
  const { reader, clock, state } = openReader(1_000, true);
  await clock.advance(1_000);
  const unavailable = expect.objectContaining({
    code: 'STATUS_UNAVAILABLE',
    status: 503,
  }) as unknown as Error;
  expect(() => { reader.assertFresh(); }).toThrow(unavailable); // prettier-ignore
  state.away = false;
  await clock.advance(1_000);
  expect(() => { reader.assertFresh(); }).not.toThrow(); // prettier-ignore
  state.away = true;
  await clock.advance(55_000);
  expect(reader.fresh).toBe(true);
  await clock.advance(10_000);
  expect(() => { reader.assertFresh(); }).toThrow(unavailable); // prettier-ignore
});

test('a feed that went backwards is read anew, and what is known stays', async () => {
  const { reader, clock, entries, state, add } = openReader();
  add({ kind: 'key_revoked', kid: 'old' });
  add({ kind: 'key_revoked', kid: 'older' });
  await clock.advance(3_100);
  entries.length = 0;
  state.head = 0;
  add({ kind: 'key_revoked', kid: 'new' });
  await clock.advance(3_100);
  expect([reader.isKeyRevoked('old'), reader.isKeyRevoked('new')]).toEqual([true, true]);
});

test('entries that were pruned leave gaps that cost nothing', async () => {
  const { reader, clock, state, add } = openReader();
  state.head = 500;
  await clock.advance(0);
  await reader.ready;
  add({ kind: 'key_revoked', kid: 'k' });
  await clock.advance(3_100);
  expect(reader.isKeyRevoked('k')).toBe(true);
});

test('listeners hear of changes, and of nothing else', async () => {
  const { reader, clock, add } = openReader();
  await clock.advance(0);
  const heard: number[] = [];
  reader.onChange(() => heard.push(reader.version));
  await clock.advance(10_000);
  add({ kind: 'key_revoked', kid: 'k' });
  await clock.advance(3_100);
  expect(heard).toEqual([1]);
});

test('two hundred thousand revoked ids take bounded memory, and are forgotten after their end', () => {
  const revoked = createExpiringIds();
  for (let n = 0; n < 200_000; n += 1) revoked.add(`jti-${String(n)}`, 1_000 + (n % 2) * 1_000);
  expect(revoked.size).toBe(200_000);
  expect(revoked.has('jti-199999')).toBe(true);
  expect(revoked.has('never')).toBe(false);
  revoked.prune(1_500);
  expect(revoked.size).toBe(100_000);
  expect(revoked.has('jti-0')).toBe(false);
  expect(revoked.has('jti-1')).toBe(true);
});
