import mongoose from 'mongoose'; export const store = mongoose;
