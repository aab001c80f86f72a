import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { Away, Guarded, ViewState } from '../../parts/states.tsx';
import { EventRows } from './event-rows.tsx';
import { Filters } from './filters.tsx';
import { readRequestFilter, type RequestFilter, streamAddress } from './request-filter.ts';
import { type LiveEvents, useLiveEvents } from './use-live-events.ts';
import { type StoredEvents, useStoredEvents } from './use-stored-events.ts';

/** How long the pages of the log wait for the stream, so that no event falls between the two. */
const STREAM_WAIT_MS = 400;
const T = {
  title: text('Requests', 'Peticiones'),
  live: text('Live', 'En vivo'),
  connecting: text('Connecting', 'Conectando'),
  stopped: text('Not live', 'Sin seguimiento'),
  follow: text('Follow live', 'Seguir en vivo'),
  stop: text('Stop', 'Parar'),
  none: text('No event of the log fits these filters.', 'Ningún evento del registro cumple estos filtros.'),
  looking: text('Nothing so far; looking further back', 'Nada por ahora; se sigue buscando hacia atrás'),
};

export function RequestsPage(): ReactNode {
  const filter = useSearch({ from: '/requests' });
  const navigate = useNavigate();
  const change = (next: RequestFilter): void => {
    void navigate({ to: '/requests', search: readRequestFilter({ ...next }), replace: true });
  };
  return (
    <Page title={T.title}>
      <Guarded needs="audit:events:read">
        <Filters key={JSON.stringify(filter)} filter={filter} onChange={change} />
        <Events filter={filter} onChange={change} />
      </Guarded>
    </Page>
  );
}

interface EventsProps {
  readonly filter: RequestFilter;
  readonly onChange: (filter: RequestFilter) => void;
}

function Events({ filter, onChange }: EventsProps): ReactNode {
  const live = useLiveEvents(streamAddress(filter), filter.field);
  const stored = useStoredEvents(filter, useStreamWait(live));
  const events = useMemo(() => {
    const newest = Number(stored.events[0]?.seq ?? -1);
    return [...live.events.filter(({ seq }) => Number(seq) > newest), ...stored.events];
  }, [live.events, stored.events]);
  return (
    <>
      <LiveState live={live} filter={filter} onChange={onChange} />
      <ViewState view={stored.view} />
      {stored.view.away.length === 0 && <Away parts={live.away} />}
      {events.length === 0 ? (
        !stored.view.isLoading && <NothingYet stored={stored} />
      ) : (
        <EventRows events={events} hasMore={stored.hasMore} loadMore={stored.loadMore} />
      )}
    </>
  );
}

/** The log is looked through a page at a time: none of them takes long, and one without events is not the last. */
function NothingYet({ stored: { hasMore, loadMore } }: { readonly stored: StoredEvents }): ReactNode {
  const { t } = useLanguage();
  useEffect(() => {
    if (hasMore) loadMore();
  }, [hasMore, loadMore]);
  return <Empty>{hasMore ? `${t(T.looking)}…` : t(T.none)}</Empty>;
}

/** Whether the pages may be asked for: once the stream is open, or after a short time without it. */
function useStreamWait({ state }: LiveEvents): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setOver(true);
    }, STREAM_WAIT_MS);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  return isOver || state === 'open';
}

function LiveState({ live, filter, onChange }: EventsProps & { readonly live: LiveEvents }): ReactNode {
  const { t } = useLanguage();
  const isOff = live.state === 'off';
  const name = live.state === 'open' ? T.live : live.state === 'connecting' ? T.connecting : T.stopped;
  const { live: _, ...others } = filter;
  return (
    <div className="live-state">
      <Mark tone={live.state === 'open' && live.away.length === 0 ? 'good' : 'plain'}>{t(name)}</Mark>
      <button
        type="button"
        onClick={() => {
          onChange(isOff ? others : { ...filter, live: 'off' });
        }}
      >
        {t(isOff ? T.follow : T.stop)}
      </button>
    </div>
  );
}
