import { expect, it } from '@jest/globals';
import { openFederation } from '../../support/federation.ts';
import { itself, type Reference } from '../../support/entity-reference.ts';
import { describeCompletions } from '../../support/test-executor.ts';

const BLOG = openFederation({
  a: {
    sdl: `
      type Query { post: Post, posts: [Post] }
      interface Commented { comments(limit: Int): [String] }
      type Post implements Commented @key(fields: "id") { id: ID! comments(limit: Int): [String] score: Int }
    `,
    resolvers: {
      Query: { post: () => ({ id: '1' }), posts: () => [{ id: '1' }] },
      Post: {
        __resolveReference: itself,
        comments: (_: unknown, { limit }: { limit: number }) => ['a', 'b', 'c', 'd'].slice(0, limit),
        score: () => 7,
      },
    },
  },
  b: {
    sdl: `
      type Post @key(fields: "id") {
        id: ID!
        comments(limit: Int): [String] @external
        score: Int @external
        summary: String @requires(fields: "comments(limit: 3)")
        roi: Int @requires(fields: "score")
        nothing: String
      }
    `,
    resolvers: {
      Post: {
        __resolveReference: itself,
        summary: ({ comments }: Reference) => (comments as string[]).join('+'),
        roi: ({ score }: Reference) => (score as number) * 2,
      },
    },
  },
});

describeCompletions('defects of the planner', (execute) => {
  it("a field that @requires has with other arguments stays the client's own", async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      '{ post { comments(limit: 1) summary x: comments(limit: 2) } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ post: { comments: ['a'], summary: 'a+b+c', x: ['a', 'b'] } });
  });

  it('so does an alias that looks like the private one', async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      '{ post { client__comments: comments(limit: 1) comments(limit: 2) summary client__x: id } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      post: { client__comments: ['a'], comments: ['a', 'b'], summary: 'a+b+c', client__x: '1' },
    });
  });

  it("an error at such a field is reported at the client's key", async () => {
    const { errors } = await BLOG.ask(execute, '{ posts { id: comments(limit: 1) summary } }', {
      answer: ({ query }) =>
        query.includes('posts')
          ? {
              data: { posts: [{ __typename: 'Post', id: '1', planner__0__comments: [], client__id: null }] },
              errors: [{ message: 'x', path: ['posts', 0, 'client__id'] }],
            }
          : undefined,
    });
    expect(errors).toMatchObject([{ path: ['posts', 0, 'id'] }]);
  });

  it('an error at what is required is reported where it is missing, without the name that it was asked for as', async () => {
    const { data, errors } = await BLOG.ask(execute, '{ posts { comments(limit: 1) summary } }', {
      answer: ({ query }) =>
        query.includes('posts')
          ? {
              data: { posts: [{ __typename: 'Post', id: '1', planner__0__comments: null, comments: ['a'] }] },
              errors: [{ message: 'x', path: ['posts', 0, 'planner__0__comments'] }],
            }
          : { data: { _entities: [{ summary: null }] } },
    });
    expect(data).toEqual({ posts: [{ comments: ['a'], summary: null }] });
    expect(errors).toMatchObject([{ path: ['posts', 0] }]);
    expect(JSON.stringify(errors)).not.toContain('planner__');
  });

  it('a neighbour of a skipped @requires field keeps its value', async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      'query ($yes: Boolean!) { post { score roi @skip(if: $yes) } }',
      { variables: { yes: true } },
    );
    expect({ data, errors }).toEqual({ data: { post: { score: 7 } }, errors: [] });
  });

  it('an alias that is the name of a key, or of the type, has its own value, also where that is null', async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      '{ post { id: score score: nothing roi } posts { __typename: id id: nothing comments: roi } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      post: { id: 7, score: null, roi: 14 },
      posts: [{ __typename: '1', id: null, comments: 14 }],
    });
  });

  it('a client variable named representations is its own', async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      'query ($representations: Int) { posts { summary comments(limit: $representations) } }',
      { variables: { representations: 1 } },
    );
    expect({ data, errors }).toEqual({
      data: { posts: [{ summary: 'a+b+c', comments: ['a'] }] },
      errors: [],
    });
  });
});
