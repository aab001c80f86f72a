import { expect, test } from '@jest/globals';
import { copyWritten, type Written } from '../../gateway/execute/interpreter/copy-written.ts';
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

test('a part copies no more of what is known than its fetches write to', () => {
  const written: Written = new Map([['items', new Map([['owner', new Map()]])]]);
  const tree = {
    items: [{ id: '1', owner: { id: '2' }, tags: [{ of: 'all' }] }, null],
    rest: { deep: {} },
    ['__proto__']: 1,
  };
  const copy = copyWritten(tree, written) as typeof tree;
  expect(copy).toEqual(tree);
  expect(copy.items).not.toBe(tree.items);
  expect(copy.items[0]).not.toBe(tree.items[0]);
  expect(copy.items[0]?.owner).not.toBe(tree.items[0]?.owner);
  expect(copy.items[0]?.tags).toBe(tree.items[0]?.tags);
  expect(copy.rest).toBe(tree.rest);
});
