import { type DocumentNode, GraphQLError, type GraphQLSchema, type Source, validate } from 'graphql';

const NO_CONDITION = 'The root field of a subscription must not depend on a variable by @skip or @include.';

/** What graphql-js finds wrong with a document, without proposals of names. */
export function findErrors(
  schema: GraphQLSchema,
  document: DocumentNode,
  source: Source,
  maxErrors: number,
): readonly GraphQLError[] {
  return withTextAside(source, () => {
    try {
      return validate(schema, document, undefined, { maxErrors, hideSuggestions: true });
    } catch (error) {
      // Its rule of single root fields looks at `@skip` and `@include` without variables, and throws where there is one.
      if (error instanceof GraphQLError)
        return [new GraphQLError(NO_CONDITION, { nodes: error.nodes ?? null })];
      throw error;
    }
  });
}

/** graphql-js looks for the line of each node of each error from the start of the text: without it nothing is read. */
function withTextAside<Result>(source: Source, work: () => Result): Result {
  const { body } = source;
  source.body = '';
  try {
    return work();
  } finally {
    source.body = body;
  }
}
