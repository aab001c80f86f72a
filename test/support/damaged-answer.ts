import type { SubgraphAnswer } from '../../gateway/subgraphs/subgraph-fetcher.ts';
import type { Call } from './federation.ts';
import { hash } from './drawn-values.ts';

type Json = Readonly<Record<string, unknown>>;

/** Changes some values that a subgraph answers: the same ones of an entity, whichever fetches it is asked for in. */
export function damageAnswer({ data, ...rest }: SubgraphAnswer, call: Call, seed: number): unknown {
  if (typeof data !== 'object' || data === null) return { data, ...rest };
  const roots = Object.entries(data as Json).map(([key, value]) => {
    const [, part] = /^(?:_entities|e(\d+))$/.exec(key) ?? [];
    const representations = call.variables[`representations${part ?? ''}`];
    if (!Array.isArray(representations) || !Array.isArray(value))
      return [key, damaged(value, `${call.subgraph} ${key}`, seed)] as const;
    const entities = value.map((entity: unknown, index) =>
      damaged(entity, `${call.subgraph} ${JSON.stringify(representations[index])}`, seed),
    );
    return [key, entities] as const;
  });
  return { data: Object.fromEntries(roots), ...rest };
}

const DROPPED = Symbol('dropped');

function damaged(value: unknown, place: string, seed: number): unknown {
  const drawn = hash(`${place} ${String(seed)}`);
  if (drawn % 30 === 0)
    return [null, DROPPED, 'text', 7, [], {}, { __typename: 'Query' }, true][(drawn >>> 8) % 8];
  if (Array.isArray(value))
    return value.map((element, index) => {
      const other = damaged(element, `${place} ${String(index)}`, seed);
      return other === DROPPED ? null : other;
    });
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.entries(value as Json).map(
    ([key, below]) => [key, damaged(below, `${place} ${key}`, seed)] as const,
  );
  return Object.fromEntries(copy.filter(([, below]) => below !== DROPPED));
}
