import { expect, test } from '@jest/globals';
import { buildSchema } from 'graphql';
import { addToTree } from '../../gateway/execute/interpreter/add-to-tree.ts';
import { findTargets, parseFlattenPath, rootTarget } from '../../gateway/execute/shared/flatten-path.ts';
import { type Call, openFederation } from '../support/federation.ts';
import { until } from '../support/until.ts';

const PARTS = 20;
const list = Array.from({ length: PARTS }, (_, index) => index);
const NAMES = list.map((index) => `f${String(index)}`);

// The attacker: any caller, whose long list comes back in many parts, so that each part multiplies the list.
const federation = openFederation({
  a: { sdl: 'type Query { items: [Item] } type Item @key(fields: "id") { id: ID! size: Int }' },
  b: { sdl: `type Item @key(fields: "id") { id: ID! ${NAMES.map((name) => `${name}: String`).join(' ')} }` },
});
const NESTED = NAMES.reduceRight((below, name) => `... @defer(label: "${name}") { ${name} ${below} }`, '');
const BESIDE = NAMES.map((name) => `... @defer(label: "${name}") { ${name} }`).join(' ');

function ask(length: number, fields: string, onEntities: (call: Call) => Promise<void> | void) {
  const items = Array.from({ length }, (_, id) => ({ __typename: 'Item', id: String(id), size: id }));
  return federation.askInParts(`{ items { id size ${fields} } }`, {
    async answer(call) {
      if (call.subgraph === 'a') return { data: { items } };
      await onEntities(call);
      const name = NAMES.find((one) => new RegExp(`\\b${one}\\b`).test(call.query)) ?? '';
      const { representations } = call.variables as { representations: readonly { id: string }[] };
      return { data: { _entities: representations.map(({ id }) => ({ [name]: `${name} of ${id}` })) } };
    },
  });
}

/** The number of the current turn of the event loop, counted until it is closed. */
function countTurns() {
  let turn = 0;
  let isOpen = true;
  const next = (): void => {
    turn += 1;
    if (isOpen) setImmediate(next);
  };
  setImmediate(next);
  return {
    now: () => turn,
    close() {
      isOpen = false;
    },
  };
}

test.each([
  ['beside each other', BESIDE],
  ['in each other', NESTED],
])(
  'parts of a long list %s are under way a few at a time, each in its own turn',
  async (_, fields) => {
    const turns = countTurns();
    const begun: number[] = [];
    let underWay = 0;
    let most = 0;
    const { parts } = await ask(7000, fields, async () => {
      begun.push(turns.now());
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay -= 1;
    });
    turns.close();
    expect(most).toBeLessThanOrEqual(2);
    expect(new Set(begun).size).toBe(PARTS);
    expect(parts.map(({ hasNext }) => hasNext)).toEqual(list.map((index) => index < PARTS - 1));
    for (const [index, { entries }] of parts.entries()) {
      expect(entries).toHaveLength(7000);
      expect(entries[6999]).toMatchObject({
        label: NAMES[index],
        path: ['items', 6999],
        data: { [NAMES[index] ?? '']: `${String(NAMES[index])} of 6999` },
        errors: [],
      });
    }
  },
  60_000,
);

test('parts of a short list are asked for side by side: a slow one holds up no other', async () => {
  let waiting = 0;
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const answer = ask(5, BESIDE, () => {
    waiting += 1;
    return gate;
  });
  await until(() => waiting === PARTS);
  release();
  expect((await answer).parts).toHaveLength(PARTS);
});

test('a part copies no more of what is known than what leads to the objects that its fetches add to', () => {
  const owner: Record<string, unknown> = { id: '2' };
  const known = {
    items: [{ id: '1', owner, tags: [{ of: 'all' }] }, null],
    rest: { deep: {} },
    ['__proto__']: 1,
  };
  const schema = buildSchema('type Query { any: Int }');
  const root = rootTarget(known);
  const targets = findTargets(schema, root, parseFlattenPath(['items', '@', 'owner']), 'shared');
  const additions = new Map(targets.map((target) => [target, { value: { name: 'a' }, shared: undefined }]));
  const tree = new Map([['name', null]]);
  const added = addToTree({ schema, tree, additions, onMismatch: fail }, root, known) as typeof known;
  const [item] = added.items;
  expect(added).toEqual({ ...known, items: [{ ...known.items[0], owner: { id: '2', name: 'a' } }, null] });
  expect(owner).toEqual({ id: '2' });
  expect(item?.tags).toBe(known.items[0]?.tags);
  expect(added.rest).toBe(known.rest);
});

function fail(): never {
  throw new Error('nothing is of another type');
}
