import { afterAll, expect, test } from '@jest/globals';
import { MIGRATIONS } from '../../../subgraphs/sts/migrations.ts';
import { createMemorySecrets } from '../../support/memory-secrets.ts';
import { describePostgres } from '../../support/stores.ts';
import { openTestSts, type TestSts } from '../../support/test-sts.ts';

describePostgres('two replicas of the STS, each with a home of its own', (openStore) => {
  const opened: TestSts[] = [];
  afterAll(() => Promise.all(opened.map((sts) => sts.close())));

  test('issue tokens of one key set, and a home with other seals is refused with its true cause', async () => {
    const store = await openStore('sts', MIGRATIONS);
    const open = async (): Promise<TestSts> => {
      const sts = await openTestSts({ openStore, store, clients: [], secrets: createMemorySecrets() });
      opened.push(sts);
      return sts;
    };
    const [one, two] = [await open(), await open()];
    expect(two.ring.keySet()).toEqual(one.ring.keySet());
    expect(two.seals.forged.state).toBe('ok');
    await store.superuser.query('DELETE FROM shared_secrets');
    await expect(open()).rejects.toThrow(/SECRET_PROVIDER: .*is not there yet/);
  });
});
