import { type TypeModel } from './federation-model.ts';
import { type Draw, pick } from './drawn-values.ts';

const INTERFACES = ['I0', 'I1'];
const ABSTRACT = [...INTERFACES, 'U0'];

/** Makes up a valid document of one operation: aliases, fragments of all kinds, conditions, introspection of types. */
export function generateOperation({ fields, possible }: TypeModel, draw: Draw): string {
  const mutation = draw(6) === 0;
  const root = mutation ? 'Mutation' : 'Query';
  let left = 40;
  const shared = ['F0', 'F1', 'F2'].map((name) => ({ name, on: pick([...possible.keys()], draw) }));
  const spread = new Set<string>();
  const body = selectionSet(root, 0, shared);
  const definitions = shared.map(({ name, on }, index) =>
    spread.has(name) ? `fragment ${name} on ${on} ${selectionSet(on, 2, shared.slice(index + 1))}` : '',
  );
  const text = `${body} ${definitions.join(' ')}`;
  const variables = ['$v0: Boolean! = true', '$v1: Boolean!'].filter((one) => text.includes(one.slice(0, 3)));
  const defined = variables.length === 0 ? '' : `(${variables.join(', ')})`;
  return `${mutation ? 'mutation' : 'query'} ${defined} ${text}`;

  function selectionSet(
    type: string,
    depth: number,
    spreads: readonly { name: string; on: string }[],
  ): string {
    const items = Array.from({ length: 1 + draw(3) }, () => item(type, depth, spreads));
    return `{ ${items.join(' ')} }`;
  }

  function item(type: string, depth: number, spreads: readonly { name: string; on: string }[]): string {
    left -= 1;
    const choice = draw(10);
    if (choice === 0) return `${draw(3) === 0 ? 'kind: ' : ''}__typename`;
    if (choice <= 2 && depth < 5) return inlineFragment(type, depth, spreads);
    if (choice === 3) {
      const fitting = spreads.filter(({ on }) => overlap(on, type));
      if (fitting.length > 0) {
        const { name } = pick(fitting, draw);
        spread.add(name);
        return `...${name} ${condition()}`;
      }
    }
    return field(type, depth, spreads);
  }

  function inlineFragment(
    type: string,
    depth: number,
    spreads: readonly { name: string; on: string }[],
  ): string {
    const conditions = [...possible.keys(), 'Query', 'Mutation'].filter((one) => overlap(one, type));
    const on = draw(4) === 0 ? undefined : pick(conditions, draw);
    const text = on === undefined ? '' : `on ${on}`;
    return `... ${text} ${condition()} ${selectionSet(on ?? type, depth + 1, spreads)}`;
  }

  function field(type: string, depth: number, spreads: readonly { name: string; on: string }[]): string {
    const own = fields.get(type) ?? [];
    const deep = depth >= 5 || left < 0;
    const candidates = own.filter(({ base }) => !deep || !possible.has(base));
    if (type.startsWith('O') && draw(4) === 0) return `id ${condition()}`;
    if (candidates.length === 0) return '__typename';
    const chosen = pick(candidates, draw);
    const alias = draw(4) === 0 ? `other${chosen.name}: ` : '';
    const below = possible.has(chosen.base) ? selectionSet(chosen.base, depth + 1, spreads) : '';
    return `${alias}${chosen.name} ${condition()} ${below}`;
  }

  function condition(): string {
    if (draw(6) !== 0) return '';
    return `@${pick(['skip', 'include'], draw)}(if: ${pick(['$v0', '$v1', '$v1', 'true', 'false'], draw)})`;
  }

  function overlap(one: string, other: string): boolean {
    if (one === other) return true;
    const [left_, right] = [possible.get(one), possible.get(other)];
    return left_ !== undefined && right !== undefined && left_.some((name) => right.includes(name)) && (ABSTRACT.includes(one) || ABSTRACT.includes(other)); // prettier-ignore
  }
}
