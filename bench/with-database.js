import pg from 'pg';

const POSTGRES = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

/** Runs `work` over a database of its own, which is dropped afterwards; it is given what lists the processes that serve it. */
export async function withDatabase(purpose, work) {
  const name = `aduana_${purpose}_${process.pid}`;
  const admin = new pg.Client({ connectionString: POSTGRES });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  try {
    const backends = async () => {
      const { rows } = await admin.query('SELECT pid FROM pg_stat_activity WHERE datname = $1', [name]);
      return rows.map(({ pid }) => pid);
    };
    return await work(Object.assign(new URL(POSTGRES), { pathname: `/${name}` }).href, backends);
  } finally {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    for (const service of ['sts', 'audit', 'admin'])
      for (const role of ['owner', 'writer', 'reader'])
        await admin.query(`DROP ROLE IF EXISTS "${name}_${service}_${role}"`);
    await admin.end();
  }
}
