export { createNeeds, type Needs } from '@aduana/core/graphql/needs';
