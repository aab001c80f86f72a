import { SecurityError } from '@aduana/core/errors/security-error';
import { type ASTVisitor, GraphQLError, type ValidationContext } from 'graphql';

/**
 * A validation rule: a subgraph shows its schema to nobody at run time (GraphQL section 4.2, `__schema` and `__type`).
 *
 * @example
 * createHandler({ schema, validationRules: [refuseIntrospection] });
 */
export function refuseIntrospection(context: ValidationContext): ASTVisitor {
  return {
    Field(node) {
      if (node.name.value !== '__schema' && node.name.value !== '__type') return;
      const refusal = new SecurityError('INTROSPECTION_DISABLED');
      context.reportError(
        new GraphQLError(refusal.message, {
          nodes: node,
          originalError: refusal,
          extensions: { code: refusal.code },
        }),
      );
    },
  };
}
