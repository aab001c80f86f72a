import type { Migration, Queryable } from './database.ts';

/** The first migration of every schema: unlike advisory locks, which any login of the database may hold, its rows are the service's own. */
export const LOCKS: Migration = {
  name: '000-locks',
  sql: ({ writer }) => `
    CREATE TABLE locks (name text PRIMARY KEY);
    GRANT SELECT, INSERT, UPDATE ON locks TO "${writer}";`,
};

const INSERT = 'INSERT INTO locks (name) VALUES ($1) ON CONFLICT DO NOTHING';

/** Waits for the named lock, at most as long as a statement may, and holds it until the transaction ends. */
export async function takeLock(transaction: Queryable, name: string): Promise<void> {
  const hold = 'SELECT FROM locks WHERE name = $1 FOR UPDATE';
  if ((await transaction.query(hold, [name])).affected === 1) return;
  await transaction.query(INSERT, [name]);
  return takeLock(transaction, name);
}

/** Holds the named lock until the transaction ends, unless another holds it. */
export async function tryLock(transaction: Queryable, name: string): Promise<boolean> {
  const hold = 'SELECT FROM locks WHERE name = $1 FOR UPDATE SKIP LOCKED';
  if ((await transaction.query(hold, [name])).affected === 1) return true;
  return (await transaction.query(INSERT, [name])).affected === 1; // held by another where it is there
}
