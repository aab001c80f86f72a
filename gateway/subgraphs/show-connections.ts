import type { Platform } from '@aduana/core/platform/platform';
import type { CircuitState } from './limits/circuit-breaker.ts';
import { createOverloadLog } from './limits/overload-log.ts';
import type { SubgraphLine } from './subgraph-line.ts';

export interface ShownLines {
  /** Told of each change of a subgraph's circuit. */
  onChange(subgraph: string): (state: CircuitState, before: CircuitState) => void;
  /** Told of each fetch for which there is no place. */
  onRefuse(subgraph: string): () => void;
}

const STATE_VALUES: Readonly<Record<CircuitState, number>> = { closed: 0, half_open: 1, open: 2 };

/** Shows the lines to subgraphs among the metrics, and tells the log when one is left alone and when it is back. */
export function showLines(lines: () => Iterable<SubgraphLine>, platform: Platform): ShownLines {
  const { log, metrics } = platform;
  const show = (name: string, help: string, valueOf: (line: SubgraphLine) => number): void => {
    metrics.gauge(name, help, ['subgraph'], (gauge) => {
      gauge.reset();
      for (const line of lines()) gauge.set({ subgraph: line.name }, valueOf(line));
    });
  };
  show('aduana_subgraph_fetches', 'Fetches under way', ({ places }) => places.taken);
  show(
    'aduana_subgraph_fetches_waiting',
    'Fetches that wait for a connection',
    ({ places }) => places.waiting,
  );
  show(
    'aduana_subgraph_circuit',
    'Whether a subgraph is called: 0 yes (closed), 1 to try (half-open), 2 no (open)',
    ({ breaker }) => STATE_VALUES[breaker?.state ?? 'closed'],
  );
  const opened = metrics.counter('aduana_subgraph_circuit_opened_total', 'How often a circuit opened', [
    'subgraph',
  ]);
  const refused = metrics.counter('aduana_subgraph_overloads_total', 'Fetches for which there was no place', [
    'subgraph',
  ]);
  return {
    onChange: (subgraph) => (state, before) => {
      if (state === 'open') opened.inc({ subgraph });
      const fields = { subgraph, circuit: state };
      if (state === 'closed') log.info('a subgraph answers again', fields);
      else if (before === 'closed') log.warn('a subgraph answers nothing and is left alone', fields);
      else log.debug('a subgraph is tried again', fields);
    },
    onRefuse(subgraph) {
      const tell = createOverloadLog(platform, 'a subgraph is asked for more than its places', { subgraph });
      return () => {
        refused.inc({ subgraph });
        tell();
      };
    },
  };
}
