import { createRequire } from 'node:module';

const { newEnforcer, newModelFromString } = createRequire(new URL('../peers/package.json', import.meta.url))(
  'casbin',
);

const MODEL = `
[request_definition]
r = sub, act
[policy_definition]
p = sub, act, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && g(r.sub, p.sub)`;

/** Asks casbin: a deny over an allow, roles by its own role manager. */
export async function createCasbin(rules) {
  const enforcer = await newEnforcer(newModelFromString(MODEL));
  await enforcer.addPolicies(rules.map(({ role, action, effect }) => [role, action, effect]));
  return ({ roles, action }) => enforcer.enforceSync(roles[0], action);
}
