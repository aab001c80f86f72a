import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { AuditEventNode } from '../../graphql/shapes.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { DataText } from '../../parts/data-text.tsx';
import { Outcome } from '../../parts/mark.tsx';
import { TimeText } from '../../parts/time-text.tsx';
import { useVirtualRows } from '../../parts/virtual-rows.ts';

const WIDE_ROW = 40;
const NARROW_ROW = 72;
const NARROW = '(max-width: 700px)';
/** How near the end further events are asked for, in rows. */
const AHEAD = 40;
const LONGEST = 120;

const T = {
  label: text('Events of the log, the newest first', 'Eventos del registro, primero los más nuevos'),
  time: text('Time', 'Hora'),
  outcome: text('Outcome', 'Resultado'),
  actor: text('Actor', 'Actor'),
  what: text('Operation or type', 'Operación o tipo'),
  unnamed: text('unnamed operation', 'operación sin nombre'),
  newer: text('Show {n} newer events', 'Mostrar {n} eventos más nuevos'),
};

interface EventRowsProps {
  readonly events: readonly AuditEventNode[];
  readonly hasMore: boolean;
  readonly loadMore: () => void;
}

/** A table of which only the rows in view are rendered. New events do not move what is being read. */
export function EventRows({ events, hasMore, loadMore }: EventRowsProps): ReactNode {
  const { t } = useLanguage();
  const scrolled = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight();
  const { rows, held, showHeld } = useHeldRows(events, scrolled);
  const { from, to, above, below } = useVirtualRows(scrolled, rows.length, rowHeight);
  useEffect(() => {
    if (hasMore && to > rows.length - AHEAD) loadMore();
  }, [hasMore, to, rows.length, loadMore]);
  return (
    <div className="events">
      {held > 0 && (
        <button type="button" className="newer" onClick={showHeld}>
          {t(T.newer, { n: held })}
        </button>
      )}
      <div
        ref={scrolled}
        className="event-table"
        role="table"
        tabIndex={0}
        aria-label={t(T.label)}
        aria-rowcount={hasMore ? -1 : rows.length + 1}
      >
        <div role="row" className="event head" aria-rowindex={1}>
          {[T.time, T.outcome, T.actor, T.what].map((name) => (
            <span key={name.en} role="columnheader">
              {t(name)}
            </span>
          ))}
        </div>
        <div role="presentation" style={{ height: above }} />
        {rows.slice(from, to).map((event, at) => (
          <EventRow key={event.id} event={event} index={from + at + 2} height={rowHeight} />
        ))}
        <div role="presentation" style={{ height: below }} />
      </div>
    </div>
  );
}

interface EventRowProps {
  readonly event: AuditEventNode;
  readonly index: number;
  readonly height: number;
}

function EventRow({ event, index, height }: EventRowProps): ReactNode {
  const { t } = useLanguage();
  const operation = event.operation ?? (event.type === 'request' ? t(T.unnamed) : event.type);
  return (
    <div role="row" className="event" aria-rowindex={index} style={{ height }}>
      <span role="cell">
        <Link to="/requests/$auditId" params={{ auditId: event.id }} preload={false}>
          <TimeText at={event.time} />
        </Link>
      </span>
      <span role="cell">
        <Outcome outcome={event.outcome} />
      </span>
      <span role="cell" className="cut">
        <DataText value={event.actor} longest={LONGEST} />
        {event.clientId !== null && event.clientId !== event.actor && (
          <span className="quiet">
            {' · '}
            <DataText value={event.clientId} longest={LONGEST} />
          </span>
        )}
      </span>
      <span role="cell" className="cut">
        <DataText value={operation} longest={LONGEST} />
      </span>
    </div>
  );
}

interface HeldRows {
  readonly rows: readonly AuditEventNode[];
  /** Newer events that are not among the rows yet. */
  readonly held: number;
  showHeld(): void;
}

/** Away from the top, the first row stays the first. */
function useHeldRows(
  events: readonly AuditEventNode[],
  scrolled: React.RefObject<HTMLDivElement | null>,
): HeldRows {
  const [first, setFirst] = useState<string>();
  useLayoutEffect(() => {
    const element = scrolled.current;
    if (element === null) return undefined;
    const read = (): void => {
      const isAtTop = element.scrollTop < 8;
      setFirst((before) => (isAtTop ? undefined : (before ?? events[0]?.id)));
    };
    element.addEventListener('scroll', read, { passive: true });
    return () => {
      element.removeEventListener('scroll', read);
    };
  }, [scrolled, events]);
  const held =
    first === undefined
      ? 0
      : Math.max(
          0,
          events.findIndex(({ id }) => id === first),
        );
  return {
    rows: held === 0 ? events : events.slice(held),
    held,
    showHeld() {
      scrolled.current?.scrollTo({ top: 0 });
      setFirst(undefined);
    },
  };
}

function useRowHeight(): number {
  const [isNarrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const read = (): void => {
      setNarrow(query.matches);
    };
    query.addEventListener('change', read);
    return () => {
      query.removeEventListener('change', read);
    };
  }, []);
  return isNarrow ? NARROW_ROW : WIDE_ROW;
}
