import type { Schema } from 'mongoose'; export type X = Schema;
