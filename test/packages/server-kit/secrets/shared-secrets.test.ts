import { expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '@aduana/core/secrets/secret';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { SHARED_SECRETS, shareSecrets } from '@aduana/server-kit/secrets/shared-secrets';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { describePostgres, type TestStore } from '../../../support/stores.ts';
import { until } from '../../../support/until.ts';

const log = createLog('silent', () => undefined);
const NAME = 'test/key';

describePostgres('secrets that belong to a database', (openStore) => {
  async function inHomes(work: (world: World) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'aduana-shared-'));
    const master = async (name: string): Promise<string> => {
      const file = join(folder, name);
      await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
      return file;
    };
    const store = await openStore('shared', [{ name: '1', sql: ({ writer }) => SHARED_SECRETS(writer) }]);
    const clock = createFakeClock();
    const providers: SecretProvider[] = [];
    const ends: (() => Promise<void>)[] = [];
    try {
      await work({
        clock,
        store,
        keys: [await master('one.key'), await master('two.key')],
        async home(name, ADUANA_MASTER_KEY_FILE) {
          const settings = { ADUANA_HOME: join(folder, name), ADUANA_MASTER_KEY_FILE, SECRET_PROVIDER: 'local' as const }; // prettier-ignore
          const secrets = await createSecretProvider({ settings, environment: {}, clock, log });
          providers.push(secrets);
          return secrets;
        },
        async share(secrets, fits = true) {
          const shared = { database: store.writer, secrets, names: [NAME], clock, log };
          ends.push(await shareSecrets({ ...shared, fits: () => Promise.resolve(fits) }));
          return (await secrets.get(NAME))?.value.reveal();
        },
        async shareAll(secrets, names, fits) {
          const shared = { database: store.writer, secrets, names, clock, log };
          ends.push(await shareSecrets({ ...shared, fits: () => Promise.resolve(fits) }));
        },
      });
    } finally {
      await Promise.all(ends.map((end) => end()));
      await Promise.all(providers.map((secrets) => secrets.close()));
      await rm(folder, { recursive: true });
    }
  }
  interface World {
    readonly clock: ReturnType<typeof createFakeClock>;
    readonly store: TestStore;
    readonly keys: readonly [string, string];
    home(name: string, masterKeyFile: string): Promise<SecretProvider>;
    share(secrets: SecretProvider, fits?: boolean): Promise<string | undefined>;
    shareAll(secrets: SecretProvider, names: readonly string[], fits: boolean): Promise<void>;
  }

  test('are the same at homes that have the same master key, later versions too, and nowhere in clear', () =>
    inHomes(async ({ keys: [key], home, share, clock, store }) => {
      const [one, two] = [await home('one', key), await home('two', key)];
      const made = await share(one);
      expect(made).not.toBe('');
      expect(await share(two)).toBe(made);
      await one.put(NAME, Secret.of('the next'), 1);
      await until(
        async () => (await two.get(NAME, { fresh: true }))?.value.reveal() === 'the next',
        () => clock.advance(5_000),
      );
      const { rows } = await store.superuser.query<{ wrapped: string }>('SELECT wrapped FROM shared_secrets');
      expect(rows).toHaveLength(1);
      expect(rows[0]?.wrapped).not.toContain(Buffer.from('the next').toString('base64url'));
    }));

  test('are refused to a home with another master key, and the message names it', () =>
    inHomes(async ({ keys, home, share }) => {
      await share(await home('one', keys[0]));
      await expect(share(await home('two', keys[1]))).rejects.toThrow(
        /SECRET_PROVIDER: .*cannot open test\/key.*ADUANA_MASTER_KEY_FILE/,
      );
    }));

  test('are not taken from a home that has others than the rows were made with', () =>
    inHomes(async ({ keys: [key], home, share }) => {
      const one = await home('one', key);
      await expect(share(one, false)).rejects.toThrow(/is not there yet/);
      expect(await share(one)).toBeDefined();
      const two = await home('two', key);
      await two.put(NAME, Secret.of('of its own'), 0);
      await expect(share(two)).rejects.toThrow(/has another test\/key/);
    }));

  test('an older version that somebody has put back into the database is not believed', () =>
    inHomes(async ({ keys: [key], home, share, store }) => {
      const one = await home('one', key);
      await share(one);
      const { rows } = await store.superuser.query<{ wrapped: string }>('SELECT wrapped FROM shared_secrets');
      await one.put(NAME, Secret.of('the next'), 1);
      await share(one);
      await store.superuser.query('UPDATE shared_secrets SET version = 1, wrapped = $1', [rows[0]?.wrapped]);
      expect(await share(one)).toBe('the next');
    }));

  test('nor is it under a number that is higher, at a home that has it or has not', () =>
    inHomes(async ({ keys: [key], home, share, store }) => {
      const [one, two] = [await home('one', key), await home('two', key)];
      await share(one);
      const { rows } = await store.superuser.query<{ wrapped: string }>('SELECT wrapped FROM shared_secrets');
      await one.put(NAME, Secret.of('the next'), 1);
      await share(one);
      await store.superuser.query('UPDATE shared_secrets SET version = 40, wrapped = $1', [rows[0]?.wrapped]);
      for (const replica of [one, two])
        await expect(share(replica)).rejects.toThrow('this home does not have the secrets');
      expect((await one.get(NAME, { fresh: true }))?.value.reveal()).toBe('the next');
      expect(await two.get(NAME, { fresh: true })).toBeUndefined();
    }));

  test('where one of them was taken out of the database, another home makes none in its place', () =>
    inHomes(async ({ keys: [key], home, share, store, shareAll }) => {
      const [one, two] = [await home('one', key), await home('two', key)];
      await share(one);
      await shareAll(one, ['test/other'], true);
      await store.superuser.query('DELETE FROM shared_secrets WHERE name = $1', [NAME]);
      await expect(shareAll(two, [NAME, 'test/other'], false)).rejects.toThrow('it is not there yet');
      expect(await two.get(NAME, { fresh: true })).toBeUndefined();
    }));
});
