import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { PublishedTrees } from '../tiles/published-trees.js';
import { GetPublishedNote } from './get-published-note.query.js';

@QueryHandler(GetPublishedNote)
export class GetPublishedNoteHandler implements IQueryHandler<GetPublishedNote> {
  constructor(private readonly trees: PublishedTrees) {}

  async execute({ tenant }: GetPublishedNote): Promise<string> {
    return (await this.trees.newest(tenant)).note;
  }
}
