import { type UseQueryResult, useQuery, useQueryClient } from '@tanstack/react-query';
import { UnavailableError } from '../platform/failures.ts';

/** Whoever uses the console, as its server knows the caller. */
export interface Session {
  readonly subject: string;
  readonly issuer: string;
  readonly clientId: string | null;
  readonly roles: readonly string[];
  /** Wildcards expanded. */
  readonly permissions: readonly string[];
  readonly authenticationMethod: string;
  readonly expiresAt: string;
  readonly idleEndsAt: string;
  readonly language?: string;
}

/** Nobody is logged in. */
export interface NoSession {
  readonly oidc: boolean;
  readonly language?: string;
}

const KEY = ['session'] as const;
const RETRY_MS = 3000;
const REFRESH_MS = 30_000;

async function fetchSession(): Promise<Session | NoSession> {
  const response = await fetch('/session', { headers: { accept: 'application/json' } }).catch(() => {
    throw new UnavailableError(['console']);
  });
  if (response.status === 401) return (await response.json()) as NoSession;
  if (!response.ok) throw new UnavailableError(['console']);
  return (await response.json()) as Session;
}

export function useSession(): UseQueryResult<Session | NoSession> {
  return useQuery({
    queryKey: KEY,
    queryFn: fetchSession,
    refetchInterval: ({ state }) => (state.status === 'error' ? RETRY_MS : REFRESH_MS),
  });
}

export function isLoggedIn(session: Session | NoSession | undefined): session is Session {
  return session !== undefined && 'subject' in session;
}

/** Asks for the session again: after a login, a logout, or an answer that says it has ended. */
export function useSessionReload(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: KEY });
}

/** Whether the caller holds a permission. */
export function usePermission(): (permission: string) => boolean {
  const { data } = useSession();
  return (permission) => isLoggedIn(data) && data.permissions.includes(permission);
}
