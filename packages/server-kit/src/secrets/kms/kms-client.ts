import { KMSClient, KMSServiceException } from '@aws-sdk/client-kms';
import { SecurityError } from '@aduana/core/errors/security-error';

/** A client on the AWS SDK's own variables (region, credentials, endpoint), with bounded waits and retries. */
export function createKmsClient(): KMSClient {
  return new KMSClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1500, requestTimeout: 2000, throwOnRequestTimeout: true },
  });
}

/** A failed call as the deployment's error; no member of the SDK's error travels on. */
export function toKmsFailure(error: unknown): SecurityError {
  const name = error instanceof KMSServiceException || error instanceof Error ? error.name : 'unknown error';
  if (/AccessDenied|NotAuthorized|UnrecognizedClient|InvalidSignature/.test(name))
    return new SecurityError('FORBIDDEN', { detail: `AWS KMS refuses (${name})` });
  if (name === 'InvalidCiphertextException' || name === 'IncorrectKeyException')
    return new SecurityError('FORBIDDEN', {
      detail: 'the wrapped text was changed, or has another context or key',
    });
  return new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: `AWS KMS cannot be used (${name})` });
}
