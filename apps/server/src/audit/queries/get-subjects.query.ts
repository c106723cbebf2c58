import { Query } from '@nestjs/cqrs';

/** Whose pseudonyms these are: pseudonym → identifier. Those whose key was destroyed are not in it. */
export class GetSubjects extends Query<Record<string, string>> {
  constructor(
    readonly tenant: string,
    readonly pseudonyms: readonly string[],
  ) {
    super();
  }
}
