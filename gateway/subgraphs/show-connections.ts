import type { MetricName } from '@aduana/core/platform/metric-catalogue';
import type { Platform } from '@aduana/core/platform/platform';
import type { CircuitState } from '../limits/circuit-breaker.ts';
import type { SharedRoom } from '../limits/shared-room.ts';
import { createOverloadLog } from '../limits/overload-log.ts';
import type { FetchDurations, SubgraphConnection } from './subgraph-connection.ts';

export interface ShownConnections {
  /** How long fetches took, by what came of them. */
  durations(subgraph: string): FetchDurations;
  /** Called at each change of a subgraph's circuit. */
  onChange(subgraph: string): (state: CircuitState, before: CircuitState) => void;
  /** Called for each fetch that finds no free slot. */
  onRefuse(subgraph: string): () => void;
  /** Called for each answer for which there is no room. */
  onNoRoom(subgraph: string): () => void;
}

const STATE_VALUES: Readonly<Record<CircuitState, number>> = { closed: 0, half_open: 1, open: 2 };

/** Shows the connections to subgraphs among the metrics, and logs when a circuit opens and when it closes. */
export function showConnections(
  lines: () => Iterable<SubgraphConnection>,
  room: SharedRoom,
  platform: Platform,
): ShownConnections {
  const { log, metrics } = platform;
  const show = (name: MetricName<'gauge'>, valueOf: (line: SubgraphConnection) => number): void => {
    metrics.gauge(name, (gauge) => {
      gauge.reset();
      for (const line of lines()) gauge.set({ subgraph: line.name }, valueOf(line));
    });
  };
  show('aduana_subgraph_fetches', ({ places }) => places.taken);
  show('aduana_subgraph_fetches_waiting', ({ places }) => places.waiting);
  show('aduana_subgraph_answer_bytes', ({ name }) => room.takenBy(name));
  show('aduana_subgraph_circuit', ({ breaker }) => STATE_VALUES[breaker?.state ?? 'closed']);
  const opened = metrics.counter('aduana_subgraph_circuit_opened_total');
  const refused = metrics.counter('aduana_subgraph_overloads_total');
  const durations = metrics.histogram('aduana_subgraph_request_duration_seconds');
  const refusing = (subgraph: string, message: string): (() => void) => {
    const tell = createOverloadLog(platform, message, { subgraph });
    return () => {
      refused.inc({ subgraph });
      tell();
    };
  };
  return {
    durations: (subgraph) => ({
      success: durations.bind({ subgraph, outcome: 'success' }),
      error: durations.bind({ subgraph, outcome: 'error' }),
      unavailable: durations.bind({ subgraph, outcome: 'unavailable' }),
      withdrawn: durations.bind({ subgraph, outcome: 'withdrawn' }),
    }),
    onChange: (subgraph) => (state, before) => {
      if (state === 'open') opened.inc({ subgraph });
      const fields = { subgraph, circuit: state };
      if (state === 'closed') log.info('a subgraph answers again', fields);
      else if (before === 'closed') log.warn('a subgraph answers nothing and is left alone', fields);
      else log.debug('a subgraph is tried again', fields);
    },
    onRefuse: (subgraph) => refusing(subgraph, 'a subgraph is asked for more than its places'),
    onNoRoom: (subgraph) => refusing(subgraph, 'answers of a subgraph find no room'),
  };
}
