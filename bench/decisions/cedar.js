import { createRequire } from 'node:module';

const cedar = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs');

/** Asks Cedar, with the policies parsed once. */
export function createCedar(rules) {
  const name = `rules-${String(rules.length)}`;
  const staticPolicies = rules
    .map(({ role, action, effect }) => {
      const verb = effect === 'deny' ? 'forbid' : 'permit';
      return `${verb}(principal in Role::"${role}", action == Action::"${action}", resource);`;
    })
    .join('\n');
  const parsed = cedar.preparsePolicySet(name, { staticPolicies });
  if (parsed.type === 'failure') throw new Error(JSON.stringify(parsed.errors));
  return ({ subject, roles, action }) => {
    const answer = cedar.statefulIsAuthorized({
      principal: { type: 'Subject', id: subject },
      action: { type: 'Action', id: action },
      resource: { type: 'Deployment', id: 'deployment' },
      context: {},
      preparsedPolicySetId: name,
      entities: [
        {
          uid: { type: 'Subject', id: subject },
          attrs: {},
          parents: roles.map((id) => ({ type: 'Role', id })),
        },
      ],
    });
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
    return answer.response.decision === 'allow';
  };
}
