import type { INestApplication } from '@nestjs/common'; export type X = INestApplication;
