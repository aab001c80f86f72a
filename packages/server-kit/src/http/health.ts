import type { ServiceResponse } from '@aduana/core/http/route';

/** What a service says of itself: `degraded` still serves, `unavailable` does not. */
export interface Health {
  readonly status: 'ok' | 'degraded' | 'unavailable';
  /** What was checked: `ok`, or what is wrong in a few words, never input and nothing secret. */
  readonly checks: Readonly<Record<string, string>>;
}

/** The answer of `/health` and `/health/ready`. */
export function healthResponse(service: string, health: Health): ServiceResponse {
  return {
    status: health.status === 'unavailable' ? 503 : 200,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify({ status: health.status, service, checks: health.checks }),
  };
}
