export class Go {}
