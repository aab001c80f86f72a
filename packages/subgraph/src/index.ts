/**
 * What the author of a subgraph behind Aduana installs: admission of requests over mTLS, a guard for the directives of
 * the schema, and masked errors.
 *
 * @packageDocumentation
 */
export { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';
export type { Code } from '@aduana/core/errors/error-codes';
export { SecurityError, type SecurityErrorOptions } from '@aduana/core/errors/security-error';
export { describeError, type Log, type LogFields } from '@aduana/core/platform/log';
export type { Span, SpanKind, TraceContext, Tracer } from '@aduana/core/platform/tracer';
export type { DeploymentOptions } from '@aduana/core/sts-connection/deployment-options';
export type { OpenDeploymentOptions } from '@aduana/core/sts-connection/open-deployment';
export type { AccessTokenClaims, VerifiedToken } from '@aduana/core/tokens/access-token';
export { fromEnvironment } from './from-environment.ts';
export type { UnguardedFields } from './graphql/deny-unguarded.ts';
export { type GuardContext, type GuardOptions, guardSchema } from './graphql/guard-schema.ts';
export { createErrorMask, type ErrorMask } from './graphql/mask-error.ts';
export { type ParsedOperation, parseOperation } from './graphql/parse-operation.ts';
export { refuseIntrospection } from './graphql/refuse-introspection.ts';
export {
  type MaskedResult,
  type MaskedSubscriptionOptions,
  subscribeMasked,
} from './graphql/subscribe-masked.ts';
export type { Admission } from './http/admission.ts';
export { streamEvents, type StreamedResult, type StreamEventsOptions } from './http/stream-events.ts';
export { openSubgraph, type ProtectedSubgraph, type SubgraphOptions } from './open-subgraph.ts';
