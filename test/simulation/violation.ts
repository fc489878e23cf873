/** Something that must not happen, told by what the simulation saw. */
export class Violation extends Error {}
