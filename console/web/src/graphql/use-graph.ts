import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useSessionReload } from '../session/use-session.ts';
import { askGateway, type Result, type Variables } from './ask-gateway.ts';
import { SessionEndedError, UnavailableError } from '../platform/failures.ts';

const RETRY_MS = 3000;

export interface GraphView<Data> {
  readonly data: Partial<Data> | undefined;
  readonly problems: Readonly<Record<string, string>>;
  /** Parts that do not answer; what is shown may be old. */
  readonly away: readonly string[];
  readonly error: Error | undefined;
  readonly isLoading: boolean;
  reload(): Promise<unknown>;
}

interface GraphOptions {
  readonly everyMilliseconds?: number;
  readonly isEnabled?: boolean;
}

/** The answer to a document; while a part of the deployment is away it is asked again every three seconds. */
export function useGraph<Data>(
  document: string,
  variables: Variables = {},
  { everyMilliseconds, isEnabled = true }: GraphOptions = {},
): GraphView<Data> {
  const reloadSession = useSessionReload();
  const { data, error, isPending, refetch } = useQuery<Result<Data>>({
    queryKey: ['graph', document, variables],
    queryFn: ({ signal }) => askGateway<Data>(document, variables, signal),
    enabled: isEnabled,
    refetchInterval: ({ state }) =>
      state.status === 'error' || (state.data?.away.length ?? 0) > 0
        ? RETRY_MS
        : (everyMilliseconds ?? false),
  });
  const hasEnded = error instanceof SessionEndedError;
  useEffect(() => {
    if (hasEnded) void reloadSession();
  }, [hasEnded]);
  return {
    data: data?.data,
    problems: data?.problems ?? {},
    away: error instanceof UnavailableError ? error.parts : (data?.away ?? []),
    error: error === null || error instanceof UnavailableError ? undefined : error,
    isLoading: isPending && isEnabled,
    reload: refetch,
  };
}
