/** The attacker has the certificate of one service, and wants the events of all others to wait behind its own. */
import { expect, test } from '@jest/globals';
import type { Database } from '@aduana/server-kit/store/database';
import { admitEvents } from '../../subgraphs/audit/log/admit-events.ts';
import type { PostedEvent } from '../../subgraphs/audit/log/parse-events.ts';
import { createSequencer, type NewEntry } from '../../subgraphs/audit/log/sequencer.ts';
import { postedEvent } from '../support/audit-events.ts';

type Columns = readonly { readonly peer: string; readonly id: string }[];

/** A database that keeps what each transaction appends, one after the other. */
function openSequencer() {
  const groups: Columns[] = [];
  const query = async (_sql: string, [, , columns]: readonly unknown[] = []) => {
    await Promise.resolve();
    const base = groups.flat().length;
    groups.push(JSON.parse(String(columns)) as Columns);
    return { rows: [{ base }], affected: 1 };
  };
  return { ...createSequencer({ query } as unknown as Database), groups };
}

const entriesOf = (peer: string, count: number, text = 'x'): Promise<readonly NewEntry[]> =>
  admitEvents(
    peer,
    Array.from(
      { length: count },
      () => postedEvent({ type: 'app.x', detail: { text } }) as never as PostedEvent,
    ),
    {} as never,
  );
/** How many transactions there are up to the last entry of a peer. */
const groupsUntil = (groups: readonly Columns[], peer: string): number =>
  groups.findLastIndex((group) => group.some((entry) => entry.peer === peer)) + 1;

test.each([
  ['small ones', 15_000, 'x'],
  ['large ones', 800, 'x'.repeat(4_000)],
])(
  'events of another service are in the next transaction, however many wait: %s',
  async (_name, count, text) => {
    const { append, groups } = openSequencer();
    const flood = append(await entriesOf('leads', count, text));
    const honest = append(await entriesOf('gateway', 100));
    const late = append(await entriesOf('leads', 100, text));
    const placed = await honest;
    expect(groupsUntil(groups, 'gateway')).toBe(2); // the first had begun
    await Promise.all([flood, late]);
    expect(placed).toHaveLength(100);
    expect(groups.flat()).toHaveLength(count + 200);
  },
);

test('of large posts that came at once, one after the other is done, each in its order', async () => {
  const { append, groups } = openSequencer();
  const calls = [];
  for (const peer of ['leads', 'gateway', 'sts']) calls.push({ peer, entries: await entriesOf(peer, 900) });
  await Promise.all(calls.map(({ entries }) => append(entries)));
  expect(groups.map((group) => group.length)).toEqual([900, 1000, 800]);
  for (const { peer, entries } of calls)
    expect(groups.flat().filter((entry) => entry.peer === peer).map(({ id }) => id)).toEqual(entries.map(({ columns }) => columns.id)); // prettier-ignore
  expect(groups[1]?.filter(({ peer }) => peer === 'gateway')).toHaveLength(900); // none of the posts is last in all groups
});

test('one event that is sent again and again costs its sender a transaction each, and nobody else a wait', async () => {
  const { append, groups } = openSequencer();
  const [one] = await entriesOf('leads', 1);
  const again = append(Array.from({ length: 50 }, () => one as NewEntry));
  const honest = append(await entriesOf('gateway', 10));
  await Promise.all([again, honest]);
  expect(groupsUntil(groups, 'gateway')).toBe(2);
  expect(groups.every((group) => new Set(group.map(({ id }) => id)).size === group.length)).toBe(true);
});

test('a service that has too many waiting is refused, and no other', async () => {
  const { append } = openSequencer();
  const entries = await entriesOf('leads', 2_000);
  const posts = Array.from({ length: 12 }, () => append(entries.slice()));
  posts.forEach((post) => void post.catch(() => undefined));
  await expect(posts.at(-1)).rejects.toMatchObject({ code: 'OVERLOADED', status: 503 });
  const other = await append(await entriesOf('gateway', 1));
  expect(other).toHaveLength(1);
});

test('one event sent three hundred times saves up nothing for a flood behind it', async () => {
  const { append, groups } = openSequencer();
  const [one] = await entriesOf('leads', 1);
  const [flood, honest] = [await entriesOf('leads', 1_000), await entriesOf('gateway', 500)];
  const floods = [append(Array.from({ length: 300 }, () => one as NewEntry))];
  const pour = () => floods.push(append(flood).catch(() => [])); // refused where too many wait
  for (let n = 0; n < 15; n += 1) pour();
  const waits: number[] = [];
  const post = async (): Promise<void> => {
    while (groups.length < 400) {
      const before = groups.length;
      await append(honest);
      waits.push(groups.length - before);
      pour();
    }
  };
  await Promise.all([post(), post()]);
  await Promise.all(floods);
  expect(Math.max(...waits)).toBeLessThanOrEqual(4);
});
