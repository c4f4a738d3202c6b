// SPDX-License-Identifier: Apache-2.0
/** What makes one build of the program another. run.ts puts another module in the place of this one. */
export const version: string = "0.0.0";
/** Whose releases are taken. */
export const key: string = "";
