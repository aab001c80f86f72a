import { type GraphEntity, type GraphModel, hasId, HIDDEN_MEMBER } from './generated-graph.ts';
import { hash } from './drawn-values.ts';

export type Source = Readonly<Record<string, unknown>>;

export function identified(name: string, index: number): Source {
  const id = `${name}-${String(index)}`;
  return {
    __typename: name,
    id,
    region: `r${String(index % 2)}`,
    sku: `sku ${id}`,
    k: { a: index, b: index % 2 === 0 ? null : `b${String(index)}` },
  };
}

/** The object behind a representation, which must be true in all that it holds. */
export function referenced({ name }: GraphEntity, reference: Source): Source {
  const entity = identified(name, indexOf(idOf(reference)));
  for (const key of ['id', 'region', 'sku'])
    if (reference[key] !== undefined && reference[key] !== entity[key]) throw new Error('a wrong key');
  if (reference['k'] !== undefined) {
    const [sent, known] = [reference['k'], entity['k']] as { a: unknown; b: unknown }[];
    if (sent?.a !== known?.a || sent?.b !== known?.b) throw new Error('a wrong key');
  }
  return { ...reference, ...entity };
}

export function indexOf(id: string): number {
  return Number(id.split('-')[1]);
}

export function idOf({ id, sku }: Source): string {
  return typeof id === 'string' ? id : String(sku).slice('sku '.length);
}

export function tops({ implementers }: GraphModel): Source[] {
  return implementers.flatMap((name) => [identified(name, 1), identified(name, 2), identified(name, 1)]);
}

export function labelOf({ id }: Source): string | null {
  return indexOf(String(id)) === 3 ? null : `label ${String(id)}`;
}

export function nxOf({ id }: Source): number | null {
  return indexOf(String(id)) === 2 ? null : hash(String(id)) % 100;
}

export function nyOf({ id }: Source): string[] {
  return [String(id), 'y'];
}

export function entityOf(_: GraphModel, name: string, index: number): Source {
  if (name === HIDDEN_MEMBER) return { __typename: HIDDEN_MEMBER, n: index };
  return name === 'V' ? { __typename: 'V', seed: index } : identified(name, index);
}

export function pickType(model: GraphModel, base: string, subgraph: number, at: number): string {
  const types =
    base === 'U'
      ? (model.members[subgraph] ?? [])
      : base === 'N'
        ? model.implementers
        : base === 'M'
          ? model.entities.filter(({ keys }) => hasId(keys[subgraph])).map(({ name }) => name)
          : [base];
  return types[at % types.length] ?? base;
}
