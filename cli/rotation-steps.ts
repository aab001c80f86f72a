import { join } from 'node:path';
import { addMasterKey } from '@aduana/server-kit/secrets/master-key';
import { openVault, variable } from '@aduana/server-kit/secrets/vault/open-vault';
import { dropFormerAuthorities } from '../certs/drop-former-authorities.ts';
import { readRoster } from '../certs/read-roster.ts';
import { introduceAuthority, renewCertificates } from '../certs/renew-certificates.ts';
import { addCheckpointKey } from './add-checkpoint-key.ts';
import { CommandFailure } from './command-context.ts';
import type { DeploymentClient } from './deployment-client.ts';
import type { RotationWorld } from './rotation-world.ts';

/** One kind of key or secret, and how a new one takes its place while the deployment runs. */
export interface RotationStep {
  readonly name: string;
  readonly plan: string;
  /** @returns what was done, or why it was left as it is */
  run(world: RotationWorld): Promise<string | { readonly left: string }>;
}

/** Until every running service has read new certificate files: their poll, and some more. */
const RELOAD_MILLISECONDS = 12_000;

export const ROTATION_STEPS: readonly RotationStep[] = [
  {
    name: 'signing-keys',
    plan: 'the next key signs at once; tokens of the old one stay valid until they expire',
    run: rotateSigningKeys,
  },
  {
    name: 'client-secrets',
    plan: 'each service gets a new secret; the old one is accepted for an hour',
    run: rotateClientSecrets,
  },
  {
    name: 'certificates',
    plan: 'every leaf is reissued under the same CA and loaded by what runs',
    run: renewLeaves,
  },
  {
    name: 'authority',
    plan: 'a new CA is trusted beside the old, leaves are reissued, the old CA is dropped (about 24 s)',
    run: changeAuthority,
  },
  {
    name: 'wrapping-key',
    plan: 'a new key wraps from now on; what the former ones wrapped still opens',
    run: rotateWrappingKey,
  },
  {
    name: 'checkpoint-key',
    plan: 'a new key signs checkpoints beside the present one, until auditors know it',
    run: addCheckpointKey,
  },
  {
    name: 'policies',
    plan: 'the policy files are read again by every service',
    run: reloadPolicies,
  },
];

async function rotateSigningKeys({ operator, reason }: RotationWorld): Promise<string> {
  const data = await mutate<{ rotateSigningKeys: { active: { kid: string } } }>(
    operator,
    'mutation ($reason: String!) { rotateSigningKeys(mode: NOW, reason: $reason) { active { kid } } }',
    { reason },
  );
  return `${data.rotateSigningKeys.active.kid} signs`;
}

async function rotateClientSecrets({ operator, secretHolders, reason }: RotationWorld): Promise<string> {
  const done: string[] = [];
  const inGrace: string[] = [];
  for (const serviceId of secretHolders) {
    const answer = await operator.graphql(
      `mutation ($serviceId: ID!, $reason: String!) {
        rotateServiceSecret(serviceId: $serviceId, reason: $reason) { version }
      }`,
      { serviceId, reason },
    );
    const [error] = answer.errors;
    if (error?.extensions?.['code'] === 'ROTATION_IN_GRACE') inGrace.push(serviceId);
    else if (error !== undefined) throw new CommandFailure(1, `${serviceId}: ${error.message}`);
    else done.push(serviceId);
  }
  const waiting = inGrace.length === 0 ? '' : `; still in grace: ${inGrace.join(', ')}`;
  return `new secrets for ${done.join(', ') || 'nobody'}${waiting}`;
}

async function renewLeaves({ operator, context }: RotationWorld): Promise<string> {
  const { settings } = operator;
  const roster = await readRoster(settings.POLICIES_DIR);
  const issued = await renewCertificates({ settings, clock: context.clock, roster, force: true });
  return `${String(issued.length)} certificates reissued`;
}

async function changeAuthority({ operator, context }: RotationWorld): Promise<string> {
  const { settings } = operator;
  const { clock } = context;
  const roster = await readRoster(settings.POLICIES_DIR);
  await introduceAuthority({ settings, clock });
  await clock.sleep(RELOAD_MILLISECONDS);
  await renewCertificates({ settings, clock, roster, force: true });
  await clock.sleep(RELOAD_MILLISECONDS);
  const dropped = await dropFormerAuthorities({ settings, clock, roster });
  return `a new CA signs, ${String(dropped)} former dropped`;
}

async function rotateWrappingKey({
  operator,
  context,
}: RotationWorld): Promise<string | { readonly left: string }> {
  const { settings } = operator;
  const { environment, clock, log } = context;
  switch (settings.SECRET_PROVIDER) {
    case 'local': {
      const path = settings.ADUANA_MASTER_KEY_FILE ?? join(settings.ADUANA_HOME, 'master.key');
      const keys = await addMasterKey(path);
      return `the newest of ${String(keys.length)} keys in ${path} wraps from now on`;
    }
    case 'vault': {
      const vault = await openVault({ environment, clock, log });
      const mount = variable(environment, 'VAULT_TRANSIT_MOUNT') ?? 'transit';
      const key = variable(environment, 'VAULT_TRANSIT_KEY') ?? 'aduana';
      const { status } = await vault.call('POST', `${mount}/keys/${encodeURIComponent(key)}/rotate`);
      await vault.close();
      if (status >= 300) throw new CommandFailure(1, `Vault answered ${String(status)}`);
      return `Transit wraps under a new version of ${key}`;
    }
    case 'aws_kms':
      return { left: 'AWS KMS rotates it itself; for another key set AWS_KMS_KEY_ID=<new>,<old>' };
  }
}

async function reloadPolicies({ operator }: RotationWorld): Promise<string> {
  const data = await mutate<{ reloadPolicies: { sha256: string } }>(
    operator,
    'mutation { reloadPolicies { sha256 } }',
    {},
  );
  return `policies ${data.reloadPolicies.sha256.slice(0, 12)} are in force`;
}

async function mutate<Data>(
  operator: DeploymentClient,
  document: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<Data> {
  const { status, data, errors } = await operator.graphql(document, variables);
  const [error] = errors;
  const members = Object.values(data ?? {});
  if (error === undefined && members.length > 0 && members.every((member) => member !== null))
    return data as Data;
  const code = error?.extensions?.['code'];
  throw new CommandFailure(
    1,
    `${error?.message ?? `HTTP ${String(status)}`}${typeof code === 'string' ? ` (${code})` : ''}`,
  );
}
