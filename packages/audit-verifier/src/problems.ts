/** Whoever asked for the verification gave something that cannot be used. */
export class UsageProblem extends Error {}
/** What is there contradicts a signature. */
export class Tampering extends Error {}
