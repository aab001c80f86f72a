import { describe, expect, test } from '@jest/globals';
import { openCheckpoint, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { EMPTY_ROOT } from '@aduana/server-kit/audit/merkle';
import {
  finishCheckpointRotation,
  loadCheckpointSigners,
  rotateCheckpointKey,
} from '../../../subgraphs/audit/checkpoints/checkpoint-key.ts';
import { createMemorySecrets } from '../../support/memory-secrets.ts';

const CHECKPOINT = { origin: 'test', size: 0, root: EMPTY_ROOT };

describe("the log's key", () => {
  test('is made once, whoever starts first', async () => {
    const secrets = createMemorySecrets();
    const loaded = await Promise.all([1, 2, 3].map(() => loadCheckpointSigners(secrets, 'test')));
    expect(new Set(loaded.map(([signer]) => signer.vkey)).size).toBe(1);
  });

  test('rotates so that notes verify under the old and the new one, until that is finished', async () => {
    const secrets = createMemorySecrets();
    const [old] = await loadCheckpointSigners(secrets, 'test');
    await rotateCheckpointKey(secrets);
    const both = await loadCheckpointSigners(secrets, 'test');
    expect(both.map(({ vkey }) => vkey)).toEqual([expect.any(String), old.vkey]);
    const note = signCheckpoint(CHECKPOINT, both);
    for (const { vkey } of both) expect(openCheckpoint(note, [vkey])).toEqual(CHECKPOINT);
    await expect(rotateCheckpointKey(secrets)).rejects.toMatchObject({ code: 'ROTATION_IN_GRACE' });
    await finishCheckpointRotation(secrets);
    const [only, ...others] = await loadCheckpointSigners(secrets, 'test');
    expect([only.vkey, others]).toEqual([both[0].vkey, []]);
    expect(openCheckpoint(signCheckpoint(CHECKPOINT, [only]), [old.vkey])).toBeUndefined();
  });

  test("can name the log after itself, as Sigsum's witnesses ask for", async () => {
    const [signer] = await loadCheckpointSigners(createMemorySecrets(), 'sigsum');
    expect(signer.name).toMatch(/^sigsum\.org\/v1\/tree\/[0-9a-f]{64}$/);
  });
});
