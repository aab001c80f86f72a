import { describe, expect, test } from '@jest/globals';
import { Secret } from '@aduana/core/secrets/secret';
import { openSecretProviders, type SecretStorage } from './secret-provider-world.ts';

/** What every provider owes while its storage fails. */
export function describeSecretOutages(kind: string, prepare: () => Promise<SecretStorage>): void {
  describe(`the ${kind} secret provider whose storage fails`, () => {
    const world = openSecretProviders(prepare);
    const { open, reveal, system, time } = world;

    test('a secret in use asks nobody', async () => {
      const provider = await open();
      await provider.put('a', Secret.of('one'), 0);
      await Promise.all(Array.from({ length: 50 }, () => provider.get('a')));
      for (let call = 0; call < 1000; call += 1) await provider.get('a');
      expect(world.asked).toBe(1);
    });

    test('an outage at the first question is an error and not an absence', async () => {
      await (await open()).put('other', Secret.of('x'), 0);
      const provider = await open();
      await world.storage.breakDown();
      await expect(provider.get('a')).rejects.toMatchObject({
        code: 'SECRET_PROVIDER_UNAVAILABLE',
        status: 503,
      });
      await expect(provider.check()).rejects.toMatchObject({ code: 'SECRET_PROVIDER_UNAVAILABLE' });
      await world.storage.repair();
      await provider.check();
      expect(await provider.get('a')).toBeUndefined();
    });

    test('an outage while running is bridged for ten minutes, then fails closed, then heals', async () => {
      const provider = await open();
      await provider.put('a', Secret.of('one'), 0);
      await provider.get('a');
      await world.storage.breakDown();
      time.offset += 301_000;
      expect(await reveal(provider, 'a')).toEqual({ value: 'one', version: 1 });
      expect(world.lines.some((line) => line.includes('the secret provider is away'))).toBe(true);
      time.offset += 330_000;
      await expect(provider.get('a')).rejects.toMatchObject({ code: 'SECRET_PROVIDER_UNAVAILABLE' });
      await world.storage.repair();
      expect(await reveal(provider, 'a')).toEqual({ value: 'one', version: 1 });
    });

    test('forbidden is neither absent nor bridged from memory', async () => {
      const provider = await open({ a: 'seed' });
      await provider.put('a', Secret.of('one'), 0);
      await provider.get('a');
      await world.storage.forbid();
      time.offset += 301_000;
      await expect(provider.get('a')).rejects.toMatchObject({ code: 'FORBIDDEN', status: 403 });
      await expect(provider.get('a')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });

    test('who is forbidden at the first question is told so, and no seed is taken instead', async () => {
      await (await open()).put('a', Secret.of('one'), 0);
      const provider = await open({ a: 'seed' });
      await world.storage.forbid();
      await expect(provider.get('a')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });

    test('a write during an outage is reported as one, and changes nothing', async () => {
      const provider = await open();
      await provider.put('a', Secret.of('one'), 0);
      await world.storage.breakDown();
      await expect(provider.put('a', Secret.of('two'), 1)).rejects.toMatchObject({
        code: 'SECRET_PROVIDER_UNAVAILABLE',
      });
      await world.storage.repair();
      expect(await reveal(provider, 'a')).toEqual({ value: 'one', version: 1 });
    });

    test('a watcher outlives an outage', async () => {
      const [writer, reader] = [await open(), await open()];
      await writer.put('a', Secret.of('one'), 0);
      await reader.get('a');
      const news = new Promise<number>((resolve) => {
        reader.watch('a', ({ version }) => {
          resolve(version);
        });
      });
      await world.storage.breakDown();
      await system.sleep(200); // a few of its questions
      await world.storage.repair();
      await writer.put('a', Secret.of('two'), 1);
      expect(await news).toBe(2);
    });
  });
}
