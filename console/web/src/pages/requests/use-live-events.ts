import { useEffect, useState } from 'react';
import type { AuditEventNode } from '../../graphql/shapes.ts';
import { useSessionReload } from '../../session/use-session.ts';

const KEPT_EVENTS = 5000;
/** Events are shown together: a page that is drawn for each of them would drop frames. */
const FLUSH_MS = 200;

export interface LiveEvents {
  /** The newest first. */
  readonly events: readonly AuditEventNode[];
  readonly state: 'off' | 'connecting' | 'open' | 'refused';
  readonly away: readonly string[];
}

interface StreamedEvent extends AuditEventNode {
  readonly canonical?: string;
}

const OFF: LiveEvents = { events: [], state: 'off', away: [] };

/** Follows the log by Server-Sent Events. */
export function useLiveEvents(address: string | undefined, field: string | undefined): LiveEvents {
  const [live, setLive] = useState<LiveEvents>(OFF);
  const reloadSession = useSessionReload();
  useEffect(() => {
    if (address === undefined) {
      setLive(OFF);
      return undefined;
    }
    setLive({ ...OFF, state: 'connecting' });
    let waiting: AuditEventNode[] = [];
    const timer = setInterval(() => {
      if (waiting.length === 0) return;
      const fresh = waiting.reverse();
      waiting = [];
      setLive((before) => ({
        ...before,
        state: 'open',
        away: [],
        events: [...fresh, ...before.events].slice(0, KEPT_EVENTS),
      }));
    }, FLUSH_MS);
    const source = new EventSource(address);
    const change = (changed: Partial<LiveEvents>): void => {
      setLive((before) => ({ ...before, ...changed }));
    };
    source.addEventListener('open', () => {
      change({ state: 'open', away: [] });
    });
    source.addEventListener('audit', ({ data }: MessageEvent<string>) => {
      const { canonical, ...event } = JSON.parse(data) as StreamedEvent;
      if (field === undefined || canonical?.includes(JSON.stringify(field)) === true) waiting.push(event);
    });
    source.addEventListener('away', () => {
      change({ away: ['audit'] });
    });
    source.addEventListener('back', () => {
      change({ away: [] });
    });
    source.addEventListener('refused', () => {
      change({ state: 'refused' });
      source.close();
    });
    source.addEventListener('end', () => {
      source.close();
      void reloadSession();
    });
    source.addEventListener('error', () => {
      change({ away: ['console'] });
    });
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, [address, field]);
  return live;
}
