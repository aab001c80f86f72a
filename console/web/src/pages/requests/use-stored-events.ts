import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { askGateway } from '../../graphql/ask-gateway.ts';
import { REQUESTS } from '../../graphql/documents.ts';
import { UnavailableError } from '../../platform/failures.ts';
import type { AuditEventNode, RequestsData } from '../../graphql/shapes.ts';
import type { GraphView } from '../../graphql/use-graph.ts';
import { type RequestFilter, toAuditFilter } from './request-filter.ts';

const PAGE_EVENTS = 100;
const RETRY_MS = 3000;

export interface StoredEvents {
  /** The newest first. */
  readonly events: readonly AuditEventNode[];
  readonly view: GraphView<RequestsData>;
  readonly hasMore: boolean;
  loadMore(): void;
}

/** Pages of the log, backwards from its end. */
export function useStoredEvents(filter: RequestFilter, isEnabled: boolean): StoredEvents {
  const asked = toAuditFilter(filter);
  // The pages of one view are one read in the log.
  const [follow] = useState(() => crypto.randomUUID());
  const query = useInfiniteQuery({
    queryKey: ['graph', REQUESTS, asked],
    enabled: isEnabled,
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) => {
      const result = await askGateway<RequestsData>(
        REQUESTS,
        { filter: asked, last: PAGE_EVENTS, before: pageParam, follow },
        signal,
      );
      if (result.away.length > 0) throw new UnavailableError(result.away);
      return result;
    },
    getNextPageParam: ({ data }) => {
      const page = data.auditEvents?.pageInfo;
      return page?.hasPreviousPage === true ? page.startCursor : undefined;
    },
    // What was read stays as it was: the log only grows, and the live stream shows by what.
    staleTime: Infinity,
    refetchInterval: ({ state }) => (state.status === 'error' && state.data === undefined ? RETRY_MS : false),
  });
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const events = useMemo(
    () =>
      (data?.pages ?? []).flatMap((page) =>
        [...(page.data.auditEvents?.edges ?? [])].reverse().map(({ node }) => node),
      ),
    [data],
  );
  return {
    events,
    hasMore: hasNextPage,
    loadMore() {
      if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
    },
    view: {
      data: data?.pages[0]?.data,
      problems: data?.pages[0]?.problems ?? {},
      away: error instanceof UnavailableError ? error.parts : [],
      error: error === null || error instanceof UnavailableError ? undefined : error,
      isLoading: query.isPending,
      reload: query.refetch,
    },
  };
}
