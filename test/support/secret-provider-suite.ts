import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { ensureClientSecrets } from '@aduana/server-kit/secrets/client-secrets';
import { Secret } from '@aduana/core/secrets/secret';
import { openSecretProviders, type SecretStorage } from './secret-provider-world.ts';
import { describeSecretOutages } from './secret-outage-suite.ts';

/** What every provider owes, whatever keeps its secrets. */
export function describeSecretProvider(kind: string, prepare: () => Promise<SecretStorage>): void {
  describe(`the ${kind} secret provider`, () => {
    const world = openSecretProviders(prepare);
    const { open, reveal, system } = world;

    test('a secret that was never stored is absent', async () => {
      expect(await (await open()).get('nothing')).toBeUndefined();
    });

    test('each put makes the next version, which every process sees', async () => {
      const [writer, reader] = [await open(), await open()];
      expect(await writer.put('a', Secret.of('one'), 0)).toBe(1);
      expect(await writer.put('a', Secret.of('two'), 1)).toBe(2);
      expect(await writer.put('b', Secret.of('ñ \u0000 \n'), 0)).toBe(1);
      expect(await reveal(reader, 'a')).toEqual({ value: 'two', version: 2 });
      expect(await reveal(reader, 'b')).toEqual({ value: 'ñ \u0000 \n', version: 1 });
    });

    test('who writes on top of an older version is told so, and nothing changes', async () => {
      const provider = await open();
      await provider.put('a', Secret.of('one'), 0);
      await provider.put('a', Secret.of('two'), 1);
      for (const version of [0, 1, 3])
        await expect(provider.put('a', Secret.of('lost'), version)).rejects.toMatchObject({
          code: 'CONFLICT',
          status: 409,
        });
      expect(await reveal(provider, 'a')).toEqual({ value: 'two', version: 2 });
    });

    test('of concurrent rotations one makes the new version', async () => {
      const writers = await Promise.all([1, 2, 3, 4].map(() => open()));
      await writers[0]?.put('a', Secret.of('first'), 0);
      const results = await Promise.allSettled(
        writers.map((writer, index) => writer.put('a', Secret.of(String(index)), 1)),
      );
      const won = results.findIndex(({ status }) => status === 'fulfilled');
      const lost = results.filter(({ status }) => status === 'rejected');
      expect(lost).toHaveLength(3);
      for (const result of lost) expect(result).toMatchObject({ reason: { code: 'CONFLICT' } });
      expect(await reveal(await open(), 'a')).toEqual({ value: String(won), version: 2 });
    });

    test('every service gets a random client secret once', async () => {
      const providers = [await open(), await open()];
      await Promise.all(providers.map((provider) => ensureClientSecrets(provider, ['bff', 'operator'])));
      const secrets = await Promise.all(
        ['bff', 'operator'].map(async (service) => reveal(await open(), `client-secrets/${service}`)),
      );
      expect(secrets.map((secret) => secret?.version)).toEqual([1, 1]);
      expect(new Set(secrets.map((secret) => secret?.value)).size).toBe(2);
      expect(secrets[0]?.value).toMatch(/^[\w-]{43}$/);
    });

    test('a seed becomes the first version; after a rotation the store decides and the old seed is warned of', async () => {
      const seeds = { 'client-secrets/bff': 'from-the-environment' };
      const provider = await open(seeds);
      expect(await reveal(provider, 'client-secrets/bff')).toEqual({
        value: 'from-the-environment',
        version: 1,
      });
      expect(await provider.put('client-secrets/bff', Secret.of('rotated'), 1)).toBe(2);
      const later = await open(seeds);
      expect(await reveal(later, 'client-secrets/bff')).toEqual({ value: 'rotated', version: 2 });
      const warnings = world.lines.filter((line) => line.includes('another secret than the store'));
      expect(warnings).toEqual([expect.stringContaining('Remove BFF_CLIENT_SECRET')]);
    });

    test('wrapped bytes open for the same context only, in every process, and not once changed', async () => {
      const [one, other] = [await open(), await open()];
      const context = { purpose: 'signing-key', kid: 'k1' };
      const wrapped = await one.wrap(Secret.of('key material'), context);
      expect(wrapped).not.toContain('key material');
      expect((await other.unwrap(wrapped, { kid: 'k1', purpose: 'signing-key' })).reveal()).toBe(
        'key material',
      );
      await expect(other.unwrap(wrapped, { ...context, kid: 'k2' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      const at = wrapped.length - 10;
      const changed = wrapped.slice(0, at) + (wrapped[at] === 'A' ? 'B' : 'A') + wrapped.slice(at + 1);
      await expect(other.unwrap(changed, context)).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(other.unwrap('nonsense', context)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });

    test('a watcher hears of a new version once', async () => {
      const [writer, reader] = [await open(), await open()];
      await writer.put('a', Secret.of('one'), 0);
      await reader.get('a');
      const heard: string[] = [];
      const news = new Promise<void>((resolve) => {
        reader.watch('a', ({ value, version }) => {
          heard.push(`${String(version)} ${value.reveal()}`);
          resolve();
        });
      });
      await writer.put('a', Secret.of('two'), 1);
      await news;
      await system.sleep(150);
      expect(heard).toEqual(['2 two']);
      expect(await reveal(reader, 'a')).toEqual({ value: 'two', version: 2 });
    });

    test('no secret is printed, logged or put into an error', async () => {
      const provider = await open({ 'client-secrets/bff': 'seed-hunter2' });
      await provider.get('client-secrets/bff');
      await provider.put('client-secrets/bff', Secret.of('hunter2-stored'), 1);
      const found = await provider.get('client-secrets/bff');
      const errors = await Promise.allSettled([
        provider.put('client-secrets/bff', Secret.of('hunter2-lost'), 1),
        provider.unwrap('hunter2-wrapped', { kid: 'hunter2' }),
      ]);
      const printed = [
        inspect(provider, { depth: 9, showHidden: true }),
        inspect(found, { depth: 9, showHidden: true }),
        JSON.stringify(found),
        String(found?.value),
        inspect(errors, { depth: 9, showHidden: true }),
        ...world.lines,
      ].join('\n');
      expect(printed).not.toMatch(/hunter2/);
    });
  });
  describeSecretOutages(kind, prepare);
}
