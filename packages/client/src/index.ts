/**
 * What a client of Aduana installs, such as a BFF or a worker: calls over mTLS, access tokens, the gateway and the
 * audit log.
 *
 * @packageDocumentation
 */
export { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';
export type { Code } from '@aduana/core/errors/error-codes';
export { SecurityError, type SecurityErrorOptions } from '@aduana/core/errors/security-error';
export { loadTlsIdentity, type TlsIdentityOptions } from '@aduana/core/mtls/load-tls-identity';
export type { TlsGeneration, TlsIdentity } from '@aduana/core/mtls/tls-identity';
export {
  createSecureClient,
  type SecureClient,
  type SecureClientOptions,
} from '@aduana/core/mtls-client/secure-client';
export type {
  OpenPeer,
  SecurePeer,
  SecurePeerOptions,
  SecureRequest,
  SecureResponse,
} from '@aduana/core/mtls-client/secure-peer';
export { type Clock, createSystemClock } from '@aduana/core/platform/clock';
export { describeError, type Log, type LogFields } from '@aduana/core/platform/log';
export { Secret } from '@aduana/core/secrets/secret';
export type { StatusReader } from '@aduana/core/status/status-reader';
export type { DeploymentOptions } from '@aduana/core/sts-connection/deployment-options';
export type { OpenDeploymentOptions } from '@aduana/core/sts-connection/open-deployment';
export type { AccessTokenClaims, VerifiedToken } from '@aduana/core/tokens/access-token';
export type { AuditClient } from './audit/audit-client.ts';
export type { AuditActor, AuditOutcome, AuditRecord, AuditRequest, AuditTrace } from './audit/audit-event.ts';
export type { AuditPlatform } from './audit/audit-platform.ts';
export {
  type OpenAuditClient,
  openAuditClient,
  type OpenAuditClientOptions,
} from './audit/open-audit-client.ts';
export {
  askGateway,
  type GatewayAnswer,
  type GatewayError,
  type GatewayRequest,
} from './gateway/gateway-client.ts';
export { type GatewayMessage, type GatewayStream, subscribeGateway } from './gateway/subscribe-gateway.ts';
export { type Client, type ClientOptions, openClient } from './open-client.ts';
export type { HeldToken, StsClient, TokenNarrowing } from './sts/sts-client.ts';
