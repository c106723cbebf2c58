import { MemoryTaskStore } from './memory-task.store.fixture.js';
import { describeTaskStore } from './task.store.contract.js';

describeTaskStore('MemoryTaskStore', async () => new MemoryTaskStore());
