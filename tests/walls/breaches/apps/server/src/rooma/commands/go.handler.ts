export class GoHandler {}
