import { buildASTSchema, type GraphQLSchema, parse } from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createNeeds, type Needs } from '@aduana/subgraph/graphql/needs';
import { extractRequirements, type Requirements } from '@aduana/subgraph/graphql/requirements';

/** What a supergraph asks for at each coordinate, as far as explanations need it. */
export interface ExplainableSchema {
  readonly schema: GraphQLSchema;
  readonly requirements: Requirements;
  readonly needs: Needs;
}

/** @throws SecurityError `SUPERGRAPH_INVALID` */
export function readExplainableSchema(sdl: string): ExplainableSchema {
  try {
    const document = parse(sdl, { noLocation: false });
    const schema = buildASTSchema(document, { assumeValidSDL: true });
    const requirements = extractRequirements(document);
    return { schema, requirements, needs: createNeeds(schema, requirements) };
  } catch (error) {
    if (error instanceof SecurityError) throw error;
    throw new SecurityError('SUPERGRAPH_INVALID', { cause: error });
  }
}
