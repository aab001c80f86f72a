import type { Code } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import type { GatewaySettings } from '../config.ts';
import { type CostModel, createCostModel } from './cost-model.ts';
import { countComparisons } from './count-comparisons.ts';
import { type Measures, measureDocument, NESTING_LIMIT } from './measure-document.ts';
import { costOfOperation } from './operation-cost.ts';

type Settings = Pick<
  GatewaySettings,
  | 'LIMIT_TOKENS'
  | 'LIMIT_DEPTH'
  | 'LIMIT_INTROSPECTION_DEPTH'
  | 'LIMIT_ALIASES'
  | 'LIMIT_ROOT_FIELDS'
  | 'LIMIT_DIRECTIVES'
  | 'LIMIT_COST'
  | 'LIST_SIZE'
>;

/** Some 30 ms of validation: two hundred fields of one name, or fifteen that fifty fragments repeat. */
const COMPARISONS_LIMIT = 20_000;

/** Refuses what would cost more to run than the settings allow. */
export interface DocumentLimits {
  /**
   * Before validation: limits that the document's shape alone decides.
   *
   * @throws SecurityError `LIMIT_..._EXCEEDED`
   */
  checkDocument(document: DocumentNode): void;
  /**
   * After validation: what the operation costs with these variables.
   *
   * @param supergraphSchema with `@cost` and `@listSize` on it
   * @throws SecurityError `LIMIT_COST_EXCEEDED`
   */
  checkOperation(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>>,
    supergraphSchema: GraphQLSchema,
  ): void;
}

export function createDocumentLimits(settings: Settings): DocumentLimits {
  const limits: readonly (readonly [keyof Measures, number | 'off', Code])[] = [
    ['depth', settings.LIMIT_DEPTH, 'LIMIT_DEPTH_EXCEEDED'],
    ['introspectionDepth', settings.LIMIT_INTROSPECTION_DEPTH, 'LIMIT_DEPTH_EXCEEDED'],
    ['aliases', settings.LIMIT_ALIASES, 'LIMIT_ALIASES_EXCEEDED'],
    ['rootFields', settings.LIMIT_ROOT_FIELDS, 'LIMIT_ROOT_FIELDS_EXCEEDED'],
    ['directives', settings.LIMIT_DIRECTIVES, 'LIMIT_DIRECTIVES_EXCEEDED'],
    // A document may not grow beyond the limit of its tokens when its fragments are written out.
    ['selections', settings.LIMIT_TOKENS, 'LIMIT_TOKENS_EXCEEDED'],
    ['nesting', NESTING_LIMIT, 'LIMIT_DEPTH_EXCEEDED'],
  ];
  const models = new WeakMap<GraphQLSchema, CostModel>();
  const fixedCosts = new WeakMap<OperationDefinitionNode, number>();

  return {
    checkDocument(document) {
      const measures = measureDocument(document);
      for (const [measure, limit, code] of limits)
        if (limit !== 'off' && measures[measure] > limit)
          throw new SecurityError(code, {
            detail: `${measure} ${String(measures[measure])} of ${String(limit)}`,
          });
      if (countComparisons(document, COMPARISONS_LIMIT) > COMPARISONS_LIMIT)
        throw new SecurityError('LIMIT_REPETITION_EXCEEDED');
    },
    checkOperation(document, operation, variables, supergraphSchema) {
      const limit = settings.LIMIT_COST;
      if (limit === 'off') return;
      let cost = fixedCosts.get(operation);
      if (cost === undefined) {
        const model = models.get(supergraphSchema) ?? createCostModel(supergraphSchema, settings.LIST_SIZE);
        models.set(supergraphSchema, model);
        const found = costOfOperation(document, operation, variables, model, limit);
        if (!found.dependsOnVariables) fixedCosts.set(operation, found.cost);
        cost = found.cost;
      }
      if (cost > limit)
        throw new SecurityError('LIMIT_COST_EXCEEDED', {
          detail: `cost ${String(cost)} of ${String(limit)}`,
        });
    },
  };
}
