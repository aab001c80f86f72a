import type { RequestFetcher } from '../../gateway/subgraphs/forward.ts';
import type { UpstreamListener, UpstreamRequest } from '../../gateway/subgraphs/upstream.ts';

/** A subgraph's stream, at the subgraph's end. */
export interface OpenFeed {
  readonly request: UpstreamRequest;
  readonly listener: UpstreamListener;
  isClosed: boolean;
}

/** Subgraphs whose streams the test feeds; `answer` is asked for the fields of entities. */
export function createFeeds(
  answer: (request: Parameters<RequestFetcher['fetch']>[0]) => Promise<unknown> = () =>
    Promise.resolve({ data: {} }),
): { readonly feeds: OpenFeed[]; readonly fetcher: RequestFetcher } {
  const feeds: OpenFeed[] = [];
  return {
    feeds,
    fetcher: {
      answerHeaders: () => ({}),
      forwarded: () => '',
      fetch: async (request) => (await answer(request)) as object,
      openUpstream: (request) =>
        Promise.resolve({
          start(listener) {
            feeds.push({ request, listener, isClosed: false });
          },
          pause: () => undefined,
          resume: () => undefined,
          close() {
            const own = feeds.find((feed) => feed.request === request);
            if (own !== undefined) own.isClosed = true;
          },
        }),
    },
  };
}
