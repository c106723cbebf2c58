import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { SubjectKeys } from '../storage/subject-keys.store.js';
import { GetSubjects } from './get-subjects.query.js';

@QueryHandler(GetSubjects)
export class GetSubjectsHandler implements IQueryHandler<GetSubjects> {
  constructor(private readonly subjects: SubjectKeys) {}

  async execute({ tenant, pseudonyms }: GetSubjects): Promise<Record<string, string>> {
    return Object.fromEntries(await this.subjects.subjects(tenant, pseudonyms));
  }
}
