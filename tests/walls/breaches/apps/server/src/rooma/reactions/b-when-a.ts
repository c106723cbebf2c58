export const reaction = 1;
