import fc from 'fast-check';
import { type Generated, typeName } from './differential-model.ts';

interface GeneratedDocument {
  readonly text: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Documents over a generated federation, with aliases, fragments, conditions and variables. */
export function documentOf(shape: Generated): fc.Arbitrary<GeneratedDocument> {
  const roots = fc.array(
    fc.tuple(fc.nat(shape.types.length - 1), fc.boolean(), fc.infiniteStream(fc.nat(999))),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  return fc.tuple(roots, fc.boolean(), fc.nat(5)).map(([chosen, yes, v]) => {
    const selections = chosen.map(([type, list, stream], place) => {
      const next = () => Number(stream.next().value);
      const root = list ? `l${String(type)}` : `r${String(type)}(n: ${String(next() % 6)})`;
      return `a${String(place)}: ${root} ${selectionOf(shape, type, next, 0)}`;
    });
    return {
      text: `query ($v: Int, $yes: Boolean = false) { a: __typename ${selections.join(' ')} b: r0 @include(if: $yes) { id x: f0(x: $v) ${leafOrNot(shape)} } c: r0 { f1(x: $v) ${leafOrNot(shape, 1)} } }`,
      variables: { yes, v },
    };
  });
}

/** What to select below a field of the first type that may be composite. */
function leafOrNot(shape: Generated, index = 0): string {
  const kind = shape.types[0]?.[index]?.kind ?? 'Int';
  return ['one', 'many', 'grid', 'node'].includes(kind) ? '{ id }' : '';
}

function selectionOf(shape: Generated, type: number, next: () => number, depth: number): string {
  const fields = shape.types[type] ?? [];
  const count = 1 + (next() % 4);
  const parts: string[] = [];
  for (let place = 0; place < count; place++) {
    const index = next() % fields.length;
    const one = fields[index];
    if (one === undefined) continue;
    const composite = ['one', 'many', 'grid', 'node'].includes(one.kind);
    if (composite && depth >= 3) continue;
    const argument = next() % 3;
    const key = `k${String(index)}_${String(argument)}`;
    const head = `${key}: f${String(index)}(x: ${String(argument)})`;
    const target = one.to % shape.types.length;
    const below =
      one.kind === 'node'
        ? nodeSelection(shape, next, depth + 1)
        : composite
          ? selectionOf(shape, target, next, depth + 1)
          : '';
    const condition = next() % 7 === 0 ? '@skip(if: $yes)' : '';
    parts.push(
      next() % 6 === 0
        ? `... on ${typeName(type)} ${condition} { ${head} ${below} }`
        : `${head} ${condition} ${below}`,
    );
  }
  if (next() % 3 === 0) parts.push('id');
  if (next() % 5 === 0) parts.push('t: __typename');
  return `{ ${parts.length === 0 ? '__typename' : [...new Set(parts)].join(' ')} }`;
}

function nodeSelection(shape: Generated, next: () => number, depth: number): string {
  const members = shape.types.map((_, type) =>
    next() % 2 === 0
      ? `... on ${typeName(type)} { n${String(type)}: id ${selectionOf(shape, type, next, depth)
          .slice(1, -1)
          .replaceAll(/\bk(?=\d)/g, `m${String(type)}_`)} }`
      : '',
  );
  return `{ i: id ${members.join(' ')} }`;
}
