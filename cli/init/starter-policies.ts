import { readFile } from 'node:fs/promises';
import { isPermission } from '@aduana/server-kit/iam/permission';
import { dump, load } from 'js-yaml';
import { asMembers } from './foreign-settings.ts';
import type { ImportedIssuer } from './imported-graph.ts';
import type { StarterFile } from './starter-files.ts';

/** What the schemas ask for, by the directives `@requiresScopes` and `@policy`. */
export interface AskedNames {
  readonly scopes: readonly string[];
  readonly policies: readonly string[];
}

export interface StarterPolicies {
  readonly files: readonly StarterFile[];
  /** Scopes that are no permission, such as `read everything`: no role can grant them. */
  readonly unusable: readonly string[];
}

/** The services and roles that belong to the example graph alone. */
const EXAMPLE_SERVICES = new Set(['leads', 'actuator']);
const KEPT_ROLES = ['auditor', 'admin', 'gateway', 'sts', 'control_plane', 'subgraph', 'console'];

/**
 * Writes the policies of a new installation: Aduana's own services as they are shipped, each subgraph as a service,
 * and a role for each scope and policy that the schemas name, held by nobody.
 */
export async function createStarterPolicies(
  subgraphs: readonly string[],
  asked: AskedNames,
  issuers: readonly ImportedIssuer[],
): Promise<StarterPolicies> {
  const [identities, iam] = await Promise.all([
    readShipped('service_identities'),
    readShipped('iam_policies'),
  ]);
  const usable = asked.scopes.filter(isPermission);
  return {
    files: [
      {
        path: 'policies/service_identities.yaml',
        text: [
          '# Who the services are and how each authenticates. A subgraph is a service: its id is its audience.',
          toYaml({ version: 1, services: { ...shippedServices(identities), ...entriesOf(subgraphs) } }),
        ].join('\n'),
      },
      {
        path: 'policies/iam_policies.yaml',
        text: [
          '# Who may do what. Give a role to a service in service_identities.yaml, or to users in trusted_issuers.yaml.',
          '# Check with `npx aduana policy lint`; ask with `npx aduana policy explain --as bff`.',
          toYaml(iamPolicies(iam, usable, asked.policies)),
        ].join('\n'),
      },
      {
        path: 'policies/trusted_issuers.yaml',
        text: [
          '# Issuers whose JWTs callers may show. A claim stands for roles of iam_policies.yaml:',
          '#     claims: { groups: { sales: bff } }',
          toYaml({ version: 1, issuers }),
        ].join('\n'),
      },
      {
        path: 'policies/siem.yaml',
        text: `# Where audit events are shipped: syslog_tls, relp_tls, splunk_hec, elastic_bulk, otlp_http, file.\n${toYaml({ version: 1, sinks: [] })}`,
      },
    ],
    unusable: asked.scopes.filter((scope) => !isPermission(scope)),
  };
}

function shippedServices(identities: unknown): Readonly<Record<string, unknown>> {
  const services = Object.entries(asMembers(asMembers(identities)['services']));
  return Object.fromEntries(services.filter(([id]) => !EXAMPLE_SERVICES.has(id)));
}

function entriesOf(subgraphs: readonly string[]): Readonly<Record<string, unknown>> {
  const entries = subgraphs.map((id) => [
    id,
    {
      spiffe_id: `spiffe://aduana.local/${id}`,
      roles: ['subgraph'],
      authentication: ['tls_client_auth'],
      token: { audiences: ['audit'] },
    },
  ]);
  return Object.fromEntries(entries) as Readonly<Record<string, unknown>>;
}

function iamPolicies(iam: unknown, scopes: readonly string[], policies: readonly string[]): object {
  const shipped = asMembers(asMembers(iam)['roles']);
  const kept = KEPT_ROLES.filter((name) => Object.hasOwn(shipped, name)).map(
    (name) => [name, withoutConditions(shipped[name])] as const,
  );
  const granting = scopes.map((scope) => [roleName(scope), { permissions: [scope] }] as const);
  const admitting = policies.map((policy) => [roleName(`policy_${policy}`), { permissions: [] }] as const);
  return {
    version: 1,
    permissions: [...scopes],
    roles: Object.fromEntries([['bff', { permissions: [] }], ...kept, ...granting, ...admitting]),
    policies: Object.fromEntries(
      policies.map((policy) => [policy, { roles: [roleName(`policy_${policy}`)] }]),
    ),
  };
}

/** A shipped role without the rules that concern the example graph. */
function withoutConditions(role: unknown): object {
  const { permissions, ...rest } = asMembers(role);
  const kept = Array.isArray(permissions) ? permissions.filter((rule) => typeof rule === 'string') : [];
  return { ...rest, permissions: kept };
}

/** `orders:read` becomes the role `orders_read`. */
function roleName(scope: string): string {
  const name = scope.replaceAll(/[^A-Za-z0-9_.-]/g, '_').slice(0, 120);
  return /^[A-Za-z]/.test(name) ? name : `role_${name}`;
}

async function readShipped(name: string): Promise<unknown> {
  return load(await readFile(new URL(`../../policies/${name}.yaml`, import.meta.url), 'utf8'));
}

function toYaml(value: object): string {
  return dump(value, { lineWidth: 110, noRefs: true, flowLevel: 4 });
}
