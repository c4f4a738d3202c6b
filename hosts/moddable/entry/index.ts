// SPDX-License-Identifier: Apache-2.0
/** The module `moorline` of an application that includes our manifest by hand: XS resolves no package exports. */
export * from "moorline/dist/src/index";
