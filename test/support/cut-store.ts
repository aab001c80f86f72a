import { createLog } from '@aduana/server-kit/platform/create-log';
import { rolesOf } from '@aduana/server-kit/store/migrate';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { type FaultyLink, openFaultyLink } from './faulty-link.ts';
import type { OpenStore, TestStore } from './stores.ts';

/** A database server behind a link of the tests' own. */
export interface LinkedDatabase {
  readonly link: FaultyLink;
  readonly url: string;
}

export async function linkDatabase(url: string): Promise<LinkedDatabase> {
  const direct = new URL(url);
  const link = await openFaultyLink(Number(direct.port || 5432), true);
  return { link, url: Object.assign(new URL(url), { host: `127.0.0.1:${String(link.port)}` }).href };
}

/** A store that a service reaches over a link alone, which a test can cut. */
export interface CutStore {
  readonly open: OpenStore;
  readonly link: () => FaultyLink;
  close(): Promise<void>;
}

export function cutStore(openStore: OpenStore): CutStore {
  let linked: LinkedDatabase | undefined;
  let store: TestStore | undefined;
  return {
    async open(schema, migrations) {
      const direct = await openStore(schema, migrations);
      const { url = '' } = direct;
      linked = await linkDatabase(url);
      const through = linked.url;
      const roles = rolesOf(new URL(url).pathname.slice(1), schema);
      const open = (role: string) =>
        openPgDatabase({ url: through, schema, role, log: createLog('silent', () => undefined) });
      store = { ...direct, writer: open(roles.writer), reader: open(roles.reader) };
      return store;
    },
    link() {
      if (linked === undefined) throw new TypeError('no store is open');
      return linked.link;
    },
    async close() {
      await store?.writer.close();
      await store?.reader.close();
      await linked?.link.down();
    },
  };
}
